//! How answers look: pure functions from views to text, and the two places where text leaves the program.

pub mod document;
pub mod dot;
#[cfg(test)]
pub mod fixture;
pub mod svg;
pub mod table;
pub mod tree;

use std::io::{self, Write};

use anyhow::{Context, Result};
use clap::{ArgMatches, Args, ValueEnum};

use crate::view::View;
use document::Document;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// For programs: stable, versioned by `api`
    Json,
    /// The same as JSON
    Yaml,
}

#[derive(Debug, Clone, Args)]
pub struct OutputArgs {
    /// How to show the answer
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    pub output: Format,
}

/// How a topology is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DrawingFormat {
    /// For people
    Tree,
    /// For programs: stable, versioned by `api`
    Json,
    /// The same as JSON
    Yaml,
    /// Graphviz
    Dot,
    /// A drawing
    Svg,
}

/// Whether the command that these arguments name is to answer in JSON: then its failure is told so, too.
pub fn is_json(matches: &ArgMatches) -> bool {
    let mut matches = matches;
    while let Some((_, inner)) = matches.subcommand() {
        matches = inner;
    }
    let format = matches.try_get_one::<Format>("output").ok().flatten();
    let drawing = matches.try_get_one::<DrawingFormat>("output").ok().flatten();
    format == Some(&Format::Json) || drawing == Some(&DrawingFormat::Json)
}

/// A list of things as of a log index.
pub fn list<V: View>(format: Format, index: u64, items: &[V]) -> Result<String> {
    match format {
        Format::Table => Ok(table::list(items)),
        Format::Json => Document::list(index, items).to_json(),
        Format::Yaml => Document::list(index, items).to_yaml(),
    }
}

/// One thing as of a log index.
pub fn item<V: View>(format: Format, index: Option<u64>, item: &V) -> Result<String> {
    match format {
        Format::Table => Ok(item.text()),
        Format::Json => Document::one(V::KIND, index, item).to_json(),
        Format::Yaml => Document::one(V::KIND, index, item).to_yaml(),
    }
}

/// Data: to stdout.
pub fn data(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("writing to stdout")
}

/// Everything else: a line to stderr. Where that is closed, nobody listens.
pub fn notice(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
