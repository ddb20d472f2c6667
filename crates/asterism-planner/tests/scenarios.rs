//! Stories told to a real reconciler over fake hosts, kept with what came of them: `scenarios/*.txt`.
//!
//! A scenario is blocks of verbs, `----`, and what was seen, up to an empty line; lines before that begin with `#` are
//! its description. See [`stage`] for the verbs and [`draw`] for how to read what they show. Run with `UPDATE_EXPECT=1`
//! to write what was seen into the files, and then read every line of the difference.

#![allow(clippy::unwrap_used)]

#[path = "scenarios/draw.rs"]
mod draw;
#[path = "scenarios/stage.rs"]
mod stage;
#[path = "support/mod.rs"]
mod support;

use std::{fmt::Write as _, fs, path::Path};

use stage::Stage;

datatest_stable::harness! {
    { test = plays_as_written, root = "tests/scenarios", pattern = r"\.txt$" },
}

fn plays_as_written(path: &Path) -> datatest_stable::Result<()> {
    let expected = fs::read_to_string(path)?;
    let played = play(&expected);
    if played == expected {
        return Ok(());
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(path, played)?;
        return Ok(());
    }
    Err(difference(&expected, &played).into())
}

/// The scenario with what is seen now.
fn play(script: &str) -> String {
    let mut stage = Stage::default();
    let mut out = String::new();
    let mut lines = script.lines();
    while let Some(line) = lines.next() {
        let line = line.trim_end();
        if line == "----" {
            writeln!(out, "----\n{}", stage.take_seen()).unwrap();
            lines.by_ref().find(|line| line.trim().is_empty());
            continue;
        }
        writeln!(out, "{line}").unwrap();
        if !line.is_empty() && !line.starts_with('#') {
            stage.play(line);
        }
    }
    assert_eq!(stage.take_seen(), "", "the last verbs have no `----` after them");
    format!("{}\n", out.trim_end())
}

/// The first line that differs, with what is around it.
fn difference(expected: &str, played: &str) -> String {
    let same = expected.lines().zip(played.lines()).take_while(|(one, other)| one == other).count();
    let around = |text: &str| {
        let lines: Vec<&str> = text.lines().skip(same.saturating_sub(3)).take(10).collect();
        lines.join("\n")
    };
    format!(
        "line {} differs (UPDATE_EXPECT=1 accepts it)\nexpected:\n{}\nplayed:\n{}",
        same + 1,
        around(expected),
        around(played)
    )
}
