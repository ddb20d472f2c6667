//! A figure over a size (hosts, networks): a line through the medians, dots for the runs. Pure.

use std::collections::BTreeMap;

use super::axis::{Axis, number};
use super::strip::Subject;
use super::svg::{Anchor, Svg};
use crate::scenario::results::{Figure, Series, quantile};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 96.0;
const BOTTOM: f64 = 58.0;
/// Distinct to most eyes, colour-blind ones too (Okabe and Ito).
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

/// Draws every event that was measured at several sizes; `None` where there is none.
pub(super) fn draw(subject: &Subject<'_>, sizes: &str, series: &[&Series]) -> Option<String> {
    let lines = lines(series, subject.figure);
    let places: Vec<u32> = {
        let all = lines.values().flatten().map(|(at, _)| *at);
        all.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    };
    let greatest =
        lines.values().flatten().flat_map(|(_, figures)| figures.iter().copied()).reduce(f64::max)?;
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    let axis = Axis::new(greatest, bottom, TOP - bottom);
    let x = |at: u32| {
        let index = places.iter().position(|place| *place == at).unwrap_or(0) as f64;
        LEFT + (right - LEFT) * (index + 0.5) / places.len() as f64
    };
    let mut svg = Svg::new(WIDTH, HEIGHT);
    svg.text((16.0, 30.0), "title", Anchor::Start, subject.title);
    for (y, word) in axis.ticks() {
        svg.line((LEFT, y), (right, y), "grid");
        svg.text((LEFT - 8.0, y + 4.0), "tick", Anchor::End, &word);
    }
    for place in &places {
        svg.text((x(*place), bottom + 18.0), "tick", Anchor::Middle, &number(f64::from(*place)));
    }
    svg.line((LEFT, bottom), (right, bottom), "axis");
    svg.text(((LEFT + right) / 2.0, bottom + 40.0), "note", Anchor::Middle, sizes);
    svg.text((16.0, TOP - 14.0), "note", Anchor::Start, subject.unit);
    let mut legend = LEFT + 120.0;
    for ((title, line), colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let medians: Vec<(f64, f64)> = line
            .iter()
            .filter_map(|(at, figures)| Some((x(*at), axis.place(quantile(figures, 0.5)?))))
            .collect();
        svg.path(&medians, colour);
        for (at, figures) in line {
            for value in figures {
                svg.dot((x(*at), axis.place(*value)), "dot", &format!("{title} at {at}: {value:.0}"));
            }
        }
        svg.path(&[(legend, 54.0), (legend + 22.0, 54.0)], colour);
        svg.text((legend + 28.0, 58.0), "note", Anchor::Start, title);
        legend += 52.0 + 6.6 * title.chars().count() as f64;
    }
    svg.text((16.0, 58.0), "note", Anchor::Start, "line: median, dot: a run");
    Some(svg.finish())
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
