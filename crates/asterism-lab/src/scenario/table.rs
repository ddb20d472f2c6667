//! Results as a table for eyes, and one event in one line. Pure.

use super::outcome::Measured;
use super::results::{Figure, Results, Series};

const HEAD: [&str; 9] =
    ["SCENARIO", "EVENT", "RUNS", "GAP MS", "LOST", "ROWS", "SETTLED MS", "TWICE", "PROMISES"];

/// The table, with a legend under it and every promise that broke.
pub fn table(results: &Results) -> String {
    let rows: Vec<[String; 9]> = results.series.iter().map(cells).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([HEAD[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let line = |cells: &[String]| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let mut text = line(&HEAD.map(str::to_owned));
    text.extend(rows.iter().map(|row| line(row)));
    text += "\nMedian / worst of all runs. GAP: longest silence of any pair of VMs whose hosts lived; LOST: probes of the \
             pair that lost\nmost, one each 10 ms. ROWS: OVSDB rows changed on all hosts, fences apart. SETTLED: until offices were \
             filled and tunnels\nup, from the beginning of the event. TWICE: frames that came more than once, in all runs.\n";
    text.extend(results.broken().iter().map(|broken| format!("BROKEN  {broken}\n")));
    let stall = results.series.iter().flat_map(|series| &series.runs).map(|run| run.stall_ms).max();
    text + &format!("Longest stall of this machine during an event: {} ms.\n", stall.unwrap_or(0))
}

/// One event of one run.
pub(super) fn sentence(seen: &Measured) -> String {
    let mut text = format!(
        "{}: {} pairs, gap {} ms, {} lost at most, {} in all, {} rows changed",
        seen.title,
        seen.pairs,
        seen.gap_ms,
        seen.lost,
        seen.lost_of_all,
        seen.rows_of_all()
    );
    if let Some(ms) = seen.settled_ms {
        text += &format!(", settled after {ms} ms");
    }
    let heard = &seen.broadcasts;
    text += &format!(", {} of {} broadcasts heard, {} twice", heard.heard, heard.expected, heard.twice);
    text += &format!(", machine stalled {} ms", seen.stall_ms);
    text += &format!("\n   began at {} UTC", seen.began);
    if !seen.hosts.is_empty() {
        text += &format!(", {}", seen.hosts.join(", "));
    }
    if !seen.worst.is_empty() {
        text += &format!("\n   worst: {}", seen.worst.join("; "));
    }
    if !seen.rows.is_empty() {
        let rows: Vec<String> = seen.rows.iter().map(|(host, count)| format!("{host} {count}")).collect();
        text += &format!("\n   rows: {}", rows.join(", "));
    }
    for broken in &seen.broken {
        text += &format!("\n   BROKEN: {broken}");
    }
    text
}

fn cells(series: &Series) -> [String; 9] {
    [
        series.scenario.clone(),
        series.label(),
        series.runs.len().to_string(),
        spread(series, Figure::Gap),
        spread(series, Figure::Lost),
        spread(series, Figure::Rows),
        spread(series, Figure::Settled),
        series.twice().to_string(),
        format!("{} of {} held", series.held(), series.runs.len()),
    ]
}

fn spread(series: &Series, figure: Figure) -> String {
    let Some(spread) = series.spread(figure) else { return "-".to_owned() };
    let limit = series.limit(figure).map_or_else(String::new, |limit| {
        let sign = if figure == Figure::Lost { "<=" } else { "<" };
        format!(" ({sign}{limit:.0})")
    });
    format!("{:.0} / {:.0}{limit}", spread.median, spread.worst)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::results::tests::results;

    #[test]
    fn the_table_has_medians_worst_cases_and_what_was_promised() {
        let text = table(&results());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[..3],
            [
                "SCENARIO  EVENT           RUNS  GAP MS            LOST            ROWS   SETTLED MS  TWICE  PROMISES",
                "death     a center dies   4     300 / 620 (<500)  30 / 62 (<=60)  0 / 0  -           0      3 of 4 held",
                "death     it returns (4)  4     -                 -               0 / 0  900 / 1860  0      4 of 4 held",
            ]
        );
        assert!(text.contains("BROKEN  death: a center dies, run 4: a gap\n"), "{text}");
    }
}
