//! Tables for people: aligned columns without borders, so that they can be cut and grepped.

use std::fmt::Display;

use crate::view::View;

/// Between columns.
const GAP: usize = 2;
/// What stands for nothing.
pub const NONE: &str = "-";

/// A list with the columns of its view.
pub fn list<V: View>(items: &[V]) -> String {
    let rows: Vec<Vec<String>> = items.iter().map(View::cells).collect();
    table(V::COLUMNS, &rows)
}

/// Rows under headers. Cells that are empty show a dash.
pub fn table(headers: &[&str], rows: &[Vec<String>]) -> String {
    let headers: Vec<String> = headers.iter().map(|header| (*header).to_owned()).collect();
    let shown: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| or_none(cell)).collect()).collect();
    aligned(std::iter::once(&headers).chain(&shown))
}

/// Labels and what they stand for, one each line. Empty values show a dash.
pub fn pairs(pairs: &[(&str, String)]) -> String {
    let rows: Vec<Vec<String>> =
        pairs.iter().map(|(label, value)| vec![format!("{label}:"), or_none(value)]).collect();
    aligned(rows.iter())
}

/// Every line of a text moved to the right.
pub fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

/// `1 host`, `2 hosts`
pub fn counted<N: Display + PartialEq + From<u8>>(count: N, what: &str) -> String {
    if count == N::from(1) { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Names in one cell.
pub fn names<T: AsRef<str>>(names: &[T]) -> String {
    names.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}

fn or_none(text: &str) -> String {
    if text.is_empty() { NONE.to_owned() } else { one_line(text) }
}

/// A cell never breaks its line or the terminal: what others wrote (a host's error) may hold anything.
fn one_line(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

fn aligned<'a>(rows: impl Iterator<Item = &'a Vec<String>> + Clone) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows.clone() {
        for (column, cell) in row.iter().enumerate() {
            let width = cell.chars().count();
            match widths.get_mut(column) {
                Some(widest) => *widest = (*widest).max(width),
                None => widths.push(width),
            }
        }
    }
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join(&" ".repeat(GAP));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            vec!["a".to_owned(), "long cell".to_owned(), "x".to_owned()],
            vec!["bcd".to_owned(), String::new(), "two\nlines".to_owned()],
        ];
        expect![[r#"
            N    WHAT       REST
            a    long cell  x
            bcd  -          two lines
        "#]]
        .assert_eq(&table(&["N", "WHAT", "REST"], &rows));
    }
}
