//! What every file of the repository keeps to.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Longest source file in lines. A longer one most often lacks a noun; one that does not is listed with the reason.
const MAX_LINES: usize = 500;
const LONG_FILES: &[(&str, &str)] = &[];

/// Directories that hold no text of ours.
const FOREIGN: &[&str] = &[".git", "target", "node_modules"];

#[test]
fn no_source_file_is_long_without_a_reason() {
    check(sources(), |file| {
        let lines = file.text.lines().count();
        let is_listed = LONG_FILES.iter().any(|(path, _)| *path == file.path);
        match (lines > MAX_LINES, is_listed) {
            (true, false) => Some(format!(
                "has {lines} lines: which noun wants a file of its own? If none, list it in LONG_FILES with the reason"
            )),
            (false, true) => Some("is not long: take it off LONG_FILES".to_owned()),
            (true, true) | (false, false) => None,
        }
    });
}

#[test]
fn every_source_file_begins_with_what_it_owns() {
    check(sources(), |file| {
        (!file.text.starts_with("//! ")).then(|| {
            "does not begin with `//!`: say what it owns, what it never does, where it stands in the flow"
                .to_owned()
        })
    });
}

#[test]
fn nothing_is_left_for_later() {
    // Put together here, so that this file does not find itself.
    let words =
        [["TO", "DO"], ["FIX", "ME"], ["XX", "X"], ["todo", "!("], ["unimplemented", "!("], ["#[ign", "ore"]];
    let words = words.map(|halves| halves.concat());
    check(files(), |file| {
        let word = words.iter().find(|word| has_word(&file.text, word))?;
        Some(format!("has `{word}`: do it, or file an issue and say here what holds today"))
    });
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let places = [["/wo", "rk/"], ["/ro", "ot/"], ["/ho", "me/"], ["/tmp/", "target"]];
    let places = places.map(|halves| halves.concat());
    check(files(), |file| {
        let place = places.iter().find(|place| file.text.contains(*place))?;
        Some(format!("names `{place}`, which is nowhere else"))
    });
}

#[test]
fn texts_end_with_a_line_and_their_lines_without_blanks() {
    let is_ours = |file: &TextFile| !file.path.contains("/stored_v");
    check(files().into_iter().filter(is_ours).collect(), |file| {
        if !file.text.is_empty() && !file.text.ends_with('\n') {
            return Some("ends in the middle of a line".to_owned());
        }
        let is_prose = [".rs", ".md", ".sh"].iter().any(|end| file.path.ends_with(end));
        let line = file.text.lines().position(|line| line.ends_with([' ', '\t'])).filter(|_| is_prose)?;
        Some(format!("has blanks at the end of line {}", line + 1))
    });
}

/// Says all that is wrong at once.
fn check(files: Vec<TextFile>, rule: impl Fn(&TextFile) -> Option<String>) {
    let broken: Vec<String> =
        files.iter().filter_map(|file| Some(format!("{} {}", file.path, rule(file)?))).collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// A file of text, with its path from the repository's root.
struct TextFile {
    path: String,
    text: String,
}

/// The product's code: what stands in a crate's `src`.
fn sources() -> Vec<TextFile> {
    let is_source = |file: &TextFile| {
        file.path.starts_with("crates/") && file.path.contains("/src/") && file.path.ends_with(".rs")
    };
    let sources: Vec<TextFile> = files().into_iter().filter(is_source).collect();
    assert!(sources.len() > 50, "found {} source files only", sources.len());
    sources
}

/// All files that are text.
fn files() -> Vec<TextFile> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    found
}

fn collect(root: &Path, directory: &Path, found: &mut Vec<TextFile>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        // In a linked worktree `.git` is a file.
        if FOREIGN.contains(&path.file_name().unwrap().to_str().unwrap()) {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, found);
        } else if let Ok(text) = fs::read_to_string(&path) {
            let path = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            found.push(TextFile { path, text });
        }
    }
}

/// Whether a word stands in a text and not in the middle of another.
fn has_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        let joins_after = word.ends_with(char::is_alphanumeric) && after.is_some_and(is_part);
        !before.is_some_and(is_part) && !joins_after
    })
}
