//! A strip plot: one row for each event, a dot for each run, the middle half as a box, the promise as a line. Pure.

use super::axis::{Axis, number};
use super::svg::{Anchor, Svg};
use crate::scenario::results::{Figure, Series, quantile};

const WIDTH: f64 = 1080.0;
const LEFT: f64 = 350.0;
const RIGHT: f64 = 130.0;
const TOP: f64 = 84.0;
const ROW: f64 = 30.0;
const BOTTOM: f64 = 46.0;
const NAME_MAX: usize = 48;
/// Dots of a row that lie one above the other.
const LANES: usize = 5;

/// What a plot is about.
pub(super) struct Subject<'a> {
    pub(super) title: &'a str,
    pub(super) unit: &'a str,
    pub(super) figure: Figure,
}

/// Draws the events that have the figure; `None` where none has.
pub(super) fn draw(subject: &Subject<'_>, series: &[&Series]) -> Option<String> {
    let rows: Vec<(&Series, Vec<f64>)> = series
        .iter()
        .map(|series| (*series, series.figures(subject.figure)))
        .filter(|(_, figures)| !figures.is_empty())
        .collect();
    let limits = rows.iter().filter_map(|(series, _)| series.limit(subject.figure));
    let greatest =
        rows.iter().flat_map(|(_, figures)| figures.iter().copied()).chain(limits).reduce(f64::max)?;
    let axis = Axis::new(greatest, LEFT, WIDTH - LEFT - RIGHT);
    let bottom = TOP + ROW * rows.len() as f64;
    let mut svg = Svg::new(WIDTH, bottom + BOTTOM);
    head(&mut svg, subject, &rows);
    for (index, _) in rows.iter().enumerate().filter(|(index, _)| index % 2 == 0) {
        svg.rectangle((8.0, TOP + ROW * index as f64), (WIDTH - 16.0, ROW), "band");
    }
    for (x, word) in axis.ticks() {
        svg.line((x, TOP), (x, bottom), "grid");
        svg.text((x, bottom + 18.0), "tick", Anchor::Middle, &word);
    }
    svg.line((LEFT, bottom), (WIDTH - RIGHT, bottom), "axis");
    svg.text((LEFT + (WIDTH - LEFT - RIGHT) / 2.0, bottom + 37.0), "note", Anchor::Middle, subject.unit);
    for (index, (series, figures)) in rows.iter().enumerate() {
        row(&mut svg, &axis, TOP + ROW * (index as f64 + 0.5), series, figures, subject.figure);
    }
    Some(svg.finish())
}

fn head(svg: &mut Svg, subject: &Subject<'_>, rows: &[(&Series, Vec<f64>)]) {
    let runs = rows.iter().map(|(series, _)| series.runs.len());
    let (least, most) = (runs.clone().min().unwrap_or(0), runs.max().unwrap_or(0));
    let runs =
        if least == most { format!("{most} runs each") } else { format!("{least} to {most} runs each") };
    svg.text((16.0, 30.0), "title", Anchor::Start, subject.title);
    let y = 54.0;
    svg.text((16.0, y), "note", Anchor::Start, &runs);
    let mut x = LEFT;
    svg.dot((x + 4.0, y - 4.0), "dot", "a run");
    svg.text((x + 14.0, y), "note", Anchor::Start, "a run");
    x += 70.0;
    svg.dot((x + 4.0, y - 4.0), "broken", "a run that broke a promise");
    svg.text((x + 14.0, y), "note", Anchor::Start, "a run that broke a promise");
    x += 206.0;
    svg.line((x, y - 12.0), (x, y + 2.0), "median");
    svg.text((x + 8.0, y), "note", Anchor::Start, "median");
    x += 74.0;
    svg.rectangle((x, y - 11.0), (16.0, 13.0), "box");
    svg.text((x + 22.0, y), "note", Anchor::Start, "middle half");
    x += 106.0;
    svg.line((x, y - 12.0), (x, y + 2.0), "limit");
    svg.text((x + 8.0, y), "note", Anchor::Start, "promised");
    svg.text((WIDTH - 16.0, TOP - 8.0), "note", Anchor::End, "median / worst");
}

fn row(svg: &mut Svg, axis: &Axis, y: f64, series: &Series, figures: &[f64], figure: Figure) {
    svg.text((LEFT - 14.0, y + 4.5), "", Anchor::End, &shortened(&series.label()));
    let at = |share: f64| quantile(figures, share).map(|value| axis.place(value));
    if let (Some(low), Some(high)) = (at(0.25), at(0.75)) {
        svg.rectangle((low, y - 7.0), ((high - low).max(2.0), 14.0), "box");
    }
    let lanes = figures.len().min(LANES);
    for (index, (value, run)) in series.values(figure).into_iter().enumerate() {
        let class = if run.broken.is_empty() { "dot" } else { "broken" };
        // Runs lie one above the other, so that equal ones are seen.
        let aside = (index % LANES) as f64 - (lanes - 1) as f64 / 2.0;
        svg.dot(
            (axis.place(value), y + 2.2 * aside),
            class,
            &format!("run {}: {}", index + 1, number(value)),
        );
    }
    if let Some(middle) = at(0.5) {
        svg.line((middle, y - 10.0), (middle, y + 10.0), "median");
    }
    if let Some(limit) = series.limit(figure) {
        let x = axis.place(limit);
        svg.line((x, y - 13.0), (x, y + 13.0), "limit");
    }
    if let Some(spread) = series.spread(figure) {
        let text = format!("{} / {}", number(spread.median), number(spread.worst));
        svg.text((WIDTH - 16.0, y + 4.5), "", Anchor::End, &text);
    }
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= NAME_MAX {
        return name.to_owned();
    }
    name.chars().take(NAME_MAX - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::results::tests::results;

    fn subject(figure: Figure) -> Subject<'static> {
        Subject { title: "Gaps", unit: "milliseconds", figure }
    }

    #[test]
    fn each_run_is_a_dot_and_the_promise_a_line() {
        let results = results();
        let series: Vec<&Series> = results.series.iter().collect();
        let svg = draw(&subject(Figure::Gap), &series).unwrap();
        // Two stand in the legend.
        assert_eq!(svg.matches("<circle").count(), 4 + 2);
        assert_eq!(svg.matches("class=\"broken\"").count(), 1 + 1, "the run that broke its promise");
        assert_eq!(svg.matches("class=\"limit\"").count(), 1 + 1);
        assert!(svg.contains(">a center dies<"), "{svg}");
        assert!(!svg.contains("it returns"), "it has no gap");
        assert!(svg.contains(">300 / 620<"), "{svg}");
    }

    #[test]
    fn without_figures_there_is_no_plot() {
        assert!(draw(&subject(Figure::Gap), &[]).is_none());
    }
}
