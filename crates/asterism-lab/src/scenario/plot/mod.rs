//! Plots of results, as SVG: what healed how fast, what was lost, what settled when, and how that grows. Pure.

mod axis;
mod curve;
mod strip;
mod svg;

use super::results::{Figure, Results, Series};
use strip::Subject;

const GAP: Subject<'static> = Subject {
    title: "Longest silence between two VMs whose hosts live",
    unit: "milliseconds without an answer, worst pair of each run",
    figure: Figure::Gap,
};
const LOST: Subject<'static> = Subject {
    title: "Probes lost, one sent each 10 ms",
    unit: "probes of the pair that lost most",
    figure: Figure::Lost,
};
const SETTLED: Subject<'static> = Subject {
    title: "Until offices are filled and all tunnels up again",
    unit: "milliseconds from the beginning of the event",
    figure: Figure::Settled,
};
const SWITCH: Subject<'static> = Subject {
    title: "Processor time of a host's switch",
    unit: "percent of a processor, mean of all hosts",
    figure: Figure::SwitchPercent,
};

/// File names and drawings. What grows with the size of something (`measure ... at N`) is drawn as curves, by scenario family:
/// the name up to its last dash.
pub fn plots(results: &Results) -> Vec<(String, String)> {
    let (grown, plain): (Vec<&Series>, Vec<&Series>) =
        results.series.iter().partition(|series| series.at.is_some());
    let strips = [("gaps", &GAP), ("settled", &SETTLED)];
    let mut plots: Vec<(String, String)> = strips
        .into_iter()
        .filter_map(|(name, subject)| Some((format!("{name}.svg"), strip::draw(subject, &plain)?)))
        .collect();
    // Where no loss is promised at all, losses say nothing that gaps do not say better.
    let spared: Vec<&Series> = plain.into_iter().filter(|series| series.limits.lost.is_some()).collect();
    plots.extend(strip::draw(&LOST, &spared).map(|svg| ("lost.svg".to_owned(), svg)));
    let mut families: Vec<&str> = grown.iter().map(|series| family(&series.scenario)).collect();
    families.dedup();
    for name in families {
        let members: Vec<&Series> =
            grown.iter().copied().filter(|series| family(&series.scenario) == name).collect();
        for (suffix, subject) in [("gap", &GAP), ("settled", &SETTLED), ("switch", &SWITCH)] {
            let drawn = curve::draw(subject, name, &members);
            plots.extend(drawn.map(|svg| (format!("{name}-{suffix}.svg"), svg)));
        }
    }
    plots
}

/// `networks-10` and `networks-100` are of one family.
fn family(scenario: &str) -> &str {
    scenario.rsplit_once('-').map_or(scenario, |(family, _)| family)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::results::tests::results;

    #[test]
    fn there_is_a_plot_for_each_figure_that_was_seen() {
        let names: Vec<String> = plots(&results()).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["gaps.svg", "lost.svg"]);
    }
}
