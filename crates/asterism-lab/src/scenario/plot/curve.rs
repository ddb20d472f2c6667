//! A figure over a size (hosts, networks): a line through the medians, dots for the runs. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::axis::{Axis, number};
use super::strip::Subject;
use super::svg::{Anchor, Svg};
use crate::scenario::results::{Figure, Series, quantile};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 76.0;
const END: f64 = WIDTH - 24.0;
const TOP: f64 = 96.0;
/// Where zero lies.
const BASE: f64 = HEIGHT - 58.0;
/// Distinct to most eyes, colour-blind ones too (Okabe and Ito).
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

/// Draws every event that was measured at several sizes; `None` where there is none.
pub(super) fn draw(subject: &Subject<'_>, sizes: &str, series: &[&Series]) -> Option<String> {
    let lines = lines(series, subject.figure);
    let limit = common_limit(series, subject.figure);
    let figures = lines.values().flatten().flat_map(|(_, figures)| figures.iter().copied());
    let greatest = figures.chain(limit).reduce(f64::max).filter(|_| !lines.is_empty())?;
    let paper = Paper {
        places: lines.values().flatten().map(|(at, _)| *at).collect::<BTreeSet<_>>().into_iter().collect(),
        axis: Axis::new(greatest, BASE, TOP - BASE),
    };
    let mut svg = Svg::new(WIDTH, HEIGHT);
    svg.text((16.0, 30.0), "title", Anchor::Start, subject.title);
    svg.text((16.0, TOP - 14.0), "note", Anchor::Start, subject.unit);
    svg.text(((LEFT + END) / 2.0, BASE + 40.0), "note", Anchor::Middle, sizes);
    paper.grid(&mut svg);
    if let Some(limit) = limit {
        let y = paper.axis.place(limit);
        svg.line((LEFT, y), (END, y), "promised");
        svg.text((END, y - 5.0), "note", Anchor::End, "promised");
    }
    svg.text((16.0, 58.0), "note", Anchor::Start, "line: median, dot: a run");
    let mut legend = LEFT + 120.0;
    for ((title, line), colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        paper.line(&mut svg, title, line, colour);
        svg.path(&[(legend, 54.0), (legend + 22.0, 54.0)], colour);
        svg.text((legend + 28.0, 58.0), "note", Anchor::Start, title);
        legend += 52.0 + 6.6 * title.chars().count() as f64;
    }
    Some(svg.finish())
}

/// Where sizes and values lie.
struct Paper {
    /// Sizes stand side by side, whatever lies between them: they grow tenfold or double.
    places: Vec<u32>,
    axis: Axis,
}

impl Paper {
    fn x(&self, at: u32) -> f64 {
        let index = self.places.iter().position(|place| *place == at).unwrap_or(0) as f64;
        LEFT + (END - LEFT) * (index + 0.5) / self.places.len() as f64
    }

    fn grid(&self, svg: &mut Svg) {
        for (y, word) in self.axis.ticks() {
            svg.line((LEFT, y), (END, y), "grid");
            svg.text((LEFT - 8.0, y + 4.0), "tick", Anchor::End, &word);
        }
        for place in &self.places {
            svg.text((self.x(*place), BASE + 18.0), "tick", Anchor::Middle, &number(f64::from(*place)));
        }
        svg.line((LEFT, BASE), (END, BASE), "axis");
    }

    fn line(&self, svg: &mut Svg, title: &str, line: &Line, colour: &str) {
        let median =
            |(at, figures): &(u32, Vec<f64>)| Some((self.x(*at), self.axis.place(quantile(figures, 0.5)?)));
        svg.path(&line.iter().filter_map(median).collect::<Vec<_>>(), colour);
        for (at, figures) in line {
            for value in figures {
                let hint = format!("{title} at {at}: {value:.0}");
                svg.mark((self.x(*at), self.axis.place(*value)), colour, &hint);
            }
        }
    }
}

/// What is promised wherever anything is.
fn common_limit(series: &[&Series], figure: Figure) -> Option<f64> {
    let mut limits = series.iter().filter_map(|series| series.limit(figure));
    let first = limits.next()?;
    limits.all(|limit| limit == first).then_some(first)
}

type Line = Vec<(u32, Vec<f64>)>;

/// Events at more than one size, by title.
fn lines(series: &[&Series], figure: Figure) -> BTreeMap<String, Line> {
    let mut lines: BTreeMap<String, Line> = BTreeMap::new();
    for series in series {
        let figures = series.figures(figure);
        if let Some(at) = series.at.filter(|_| !figures.is_empty()) {
            lines.entry(series.title.clone()).or_default().push((at, figures));
        }
    }
    lines.retain(|_, line| line.len() > 1);
    lines.values_mut().for_each(|line| line.sort_by_key(|(at, _)| *at));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Measured, Results, parse};

    #[test]
    fn an_event_at_several_sizes_is_one_line() {
        let mut results = Results::default();
        for (hosts, gap_ms) in [(4, 200), (8, 300)] {
            let scenario =
                parse(&format!("grown-{hosts}"), &format!("lab pools=1\nmeasure \"it dies\" at {hosts}\n"));
            let seen = Measured { pairs: 1, gap_ms, ..Measured::default() };
            results.add(&scenario.unwrap(), vec![seen]);
        }
        let series: Vec<&Series> = results.series.iter().collect();
        let subject = Subject { title: "Gap", unit: "milliseconds", figure: Figure::Gap };
        let svg = draw(&subject, "hosts", &series).unwrap();
        assert_eq!(svg.matches("<circle").count(), 2);
        assert_eq!(svg.matches("<polyline").count(), 1 + 1, "one stands in the legend");
        assert!(draw(&subject, "hosts", &series[..1]).is_none(), "one point is no line");
    }
}
