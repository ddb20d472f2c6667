//! All runs of all scenarios: figures by event, their medians and worst cases. Pure.

use serde::{Deserialize, Serialize};

use super::outcome::Measured;
use super::words::{Promise, Scenario};

/// One event, in every run that came to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Series {
    pub scenario: String,
    pub title: String,
    /// Where it stands on the axis of a curve.
    pub at: Option<u32>,
    pub limits: Limits,
    pub runs: Vec<Measured>,
}

/// What was promised, in the units of the figures; `None`: shown, not promised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub gap_ms: Option<u64>,
    pub lost: Option<u64>,
    pub settled_ms: Option<u64>,
}

/// A figure that tables and plots show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    Gap,
    Lost,
    Rows,
    Settled,
    SwitchPercent,
}

/// Median and worst of a figure over all runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub worst: f64,
}

/// Everything that was seen.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Results {
    pub series: Vec<Series>,
    /// Runs that did not come to their end, in words.
    pub failures: Vec<String>,
}

impl Limits {
    fn of(promises: &[Promise]) -> Self {
        let mut limits = Self::default();
        for promise in promises {
            match promise {
                Promise::Gap { below } => limits.gap_ms = u64::try_from(below.as_millis()).ok(),
                Promise::Settled { within } => limits.settled_ms = u64::try_from(within.as_millis()).ok(),
                Promise::Lost { at_most } => limits.lost = Some(*at_most),
                Promise::NoRows | Promise::RowsOnlyOf(_) | Promise::BroadcastsOnce => {}
            }
        }
        limits
    }
}

impl Series {
    /// The figure of each run that has it, with that run.
    pub fn values(&self, figure: Figure) -> Vec<(f64, &Measured)> {
        let of = |run: &Measured| match figure {
            Figure::Gap => (run.pairs > 0).then(|| float(run.gap_ms)),
            Figure::Lost => (run.pairs > 0).then(|| float(run.lost)),
            Figure::Rows => Some(float(run.rows_of_all() as u64)),
            Figure::Settled => run.settled_ms.map(float),
            Figure::SwitchPercent => Some(run.switch_percent),
        };
        self.runs.iter().filter_map(|run| Some((of(run)?, run))).collect()
    }

    /// The figure of each run that has it.
    pub fn figures(&self, figure: Figure) -> Vec<f64> {
        self.values(figure).into_iter().map(|(value, _)| value).collect()
    }

    /// What was promised of the figure.
    pub fn limit(&self, figure: Figure) -> Option<f64> {
        match figure {
            Figure::Gap => self.limits.gap_ms.map(float),
            Figure::Lost => self.limits.lost.map(float),
            Figure::Settled => self.limits.settled_ms.map(float),
            Figure::Rows | Figure::SwitchPercent => None,
        }
    }

    pub fn spread(&self, figure: Figure) -> Option<Spread> {
        let figures = self.figures(figure);
        Some(Spread { median: quantile(&figures, 0.5)?, worst: figures.into_iter().reduce(f64::max)? })
    }

    /// Runs in which every promise held.
    pub fn held(&self) -> usize {
        self.runs.iter().filter(|run| run.broken.is_empty()).count()
    }

    /// Frames that came twice, in all runs.
    pub fn twice(&self) -> u64 {
        self.runs.iter().map(|run| run.broadcasts.twice + run.answered_twice).sum()
    }

    /// The title, with its place on the axis.
    pub fn label(&self) -> String {
        self.at.map_or_else(|| self.title.clone(), |at| format!("{} ({at})", self.title))
    }
}

impl Results {
    /// Takes up what one run of a scenario saw.
    pub fn add(&mut self, scenario: &Scenario, seen: Vec<Measured>) {
        for (measure, seen) in scenario.measures().zip(seen) {
            let is_same = |series: &Series| {
                (&series.scenario, &series.title, series.at) == (&scenario.name, &measure.title, measure.at)
            };
            match self.series.iter_mut().find(|series| is_same(series)) {
                Some(series) => series.runs.push(seen),
                None => self.series.push(Series {
                    scenario: scenario.name.clone(),
                    title: measure.title.clone(),
                    at: measure.at,
                    limits: Limits::of(&measure.promises),
                    runs: vec![seen],
                }),
            }
        }
    }

    /// Every promise held in every run, and every run came to its end.
    pub fn all_held(&self) -> bool {
        self.failures.is_empty() && self.series.iter().all(|series| series.held() == series.runs.len())
    }

    /// Promises that did not hold, and runs that did not end, one sentence each.
    pub fn broken(&self) -> Vec<String> {
        let of = |series: &Series| {
            let name = format!("{}: {}", series.scenario, series.label());
            let runs = (1..).zip(&series.runs);
            let broken = runs.flat_map(|(run, seen)| seen.broken.iter().map(move |text| (run, text)));
            broken.map(|(run, text)| format!("{name}, run {run}: {text}")).collect::<Vec<_>>()
        };
        self.series.iter().flat_map(of).chain(self.failures.iter().cloned()).collect()
    }
}

/// The value below which this share of all lies, between two of them in proportion; `None` without any.
pub(super) fn quantile(figures: &[f64], share: f64) -> Option<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = share * (sorted.len().checked_sub(1)? as f64);
    let (low, high) = (place.floor(), place.ceil());
    let value = |place: f64| sorted[place as usize];
    Some(value(low) + (value(high) - value(low)) * (place - low))
}

fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::scenario::parse;

    pub(in crate::scenario) fn results() -> Results {
        let text = "lab pools=1\nmeasure \"a center dies\"\npromise gap < 500ms\npromise lost <= 60\nmeasure \"it returns\" at 4\n";
        let scenario = parse("death", text).unwrap();
        let mut results = Results::default();
        for gap_ms in [310, 250, 290, 620] {
            let broken = if gap_ms > 500 { vec!["a gap".to_owned()] } else { Vec::new() };
            let death = Measured { pairs: 3, gap_ms, lost: gap_ms / 10, broken, ..Measured::default() };
            let back = Measured { settled_ms: Some(gap_ms * 3), ..Measured::default() };
            results.add(&scenario, vec![death, back]);
        }
        results
    }

    #[test]
    fn runs_of_one_event_are_one_series_with_its_limits() {
        let results = results();
        assert_eq!(results.series.len(), 2);
        let death = &results.series[0];
        assert_eq!(death.limits, Limits { gap_ms: Some(500), lost: Some(60), settled_ms: None });
        assert_eq!(death.spread(Figure::Gap), Some(Spread { median: 300.0, worst: 620.0 }));
        assert_eq!(death.spread(Figure::Settled), None);
        assert_eq!((death.held(), death.runs.len()), (3, 4));
        assert_eq!(results.broken(), ["death: a center dies, run 4: a gap"]);
        assert!(!results.all_held());
        assert_eq!(results.series[1].spread(Figure::Gap), None, "no pair was probed");
        assert_eq!(results.series[1].label(), "it returns (4)");
    }

    #[test]
    fn a_quantile_lies_between_two_values_in_proportion() {
        assert_eq!(quantile(&[4.0, 1.0, 2.0], 0.5), Some(2.0));
        assert_eq!(quantile(&[1.0, 2.0], 0.5), Some(1.5));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
