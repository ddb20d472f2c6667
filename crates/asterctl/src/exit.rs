//! What the exit code means, and how a failure is told.

use std::{fmt, io, process::ExitCode};

use asterism_api::{Class, Failure};
use serde::Serialize;

use crate::output::{self, document::Document};

/// Shown by `--help`, and in the README.
pub const HELP: &str = "\
Exit codes:
  0  done
  1  a bug, or output that can't be written
  2  wrong usage
  3  refused, and by which rule; nothing changed
  4  not found: no pool, host or network of that name; nothing changed
  5  unavailable: no replica answers, leads, or has a quorum; nothing changed
  6  unknown outcome: no answer in time, and the change may have been made;
     run it again with the --request-id that the message names
  7  not permitted: certificates that don't fit, or allow no such thing
  8  committed, and not programmed, verified, drained or moved within --wait-timeout;
     verify: nothing is worse than coming up, ask again in a moment;
     check, doctor: nothing is worse than a warning;
     pool check: nothing is worse than a warning;
     pki show: a certificate ends soon
  9  verify: something is broken or degraded;
     check, doctor: something is critical;
     pool check: something would stop a private network;
     pki show: a certificate is not valid";

/// A failure that has an exit code of its own.
#[derive(Debug)]
pub enum Problem {
    /// The arguments make no sense together, or something is missing.
    Usage(String),
    /// A file that can't be read.
    Certificate(String),
    /// The change is made, and the hosts are not there yet.
    NotReached(String),
    /// What was to be verified is not as it should be.
    NotWell(String),
    /// It can't be told, since no replica leads.
    Unavailable(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text)
            | Self::Certificate(text)
            | Self::NotReached(text)
            | Self::NotWell(text)
            | Self::Unavailable(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Problem {}

/// Wrong usage that clap can't see.
pub fn usage(text: impl Into<String>) -> anyhow::Error {
    Problem::Usage(text.into()).into()
}

/// The stable shape of a failure for programs.
#[derive(Serialize)]
struct ErrorView<'a> {
    class: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    field: &'a str,
    message: String,
}

/// Tells a failure on stderr, and gives its exit code.
pub fn report(error: &anyhow::Error, as_json: bool) -> ExitCode {
    if is_broken_pipe(error) {
        // `asterctl events | head`: the reader has seen enough.
        return ExitCode::SUCCESS;
    }
    let (code, class) = classify(error);
    let message = format!("{error:#}");
    let text = if as_json {
        let failure = failure_in(error);
        let view = ErrorView {
            class,
            reason: failure.map_or("", |failure| &failure.reason),
            field: failure.map_or("", |failure| &failure.field),
            message,
        };
        let document = Document::one("Error", None, &view).to_json();
        document.unwrap_or(view.message)
    } else {
        format!("asterctl: {message}{}", hint(error))
    };
    output::notice(text.trim_end());
    ExitCode::from(code)
}

/// Where to look next.
fn hint(error: &anyhow::Error) -> &'static str {
    match failure_in(error) {
        Some(failure) if failure.reason == "no_quorum" => {
            "\n`asterctl cluster status` shows who is missing; reads with --stale need no quorum"
        }
        Some(_) | None => "",
    }
}

/// The exit code and its class in a word.
fn classify(error: &anyhow::Error) -> (u8, &'static str) {
    if let Some(problem) = error.chain().find_map(|cause| cause.downcast_ref::<Problem>()) {
        return match problem {
            Problem::Usage(_) => (2, "usage"),
            Problem::Certificate(_) => (7, "not_permitted"),
            Problem::NotReached(_) => (8, "not_reached"),
            Problem::NotWell(_) => (9, "not_well"),
            Problem::Unavailable(_) => (5, "unavailable"),
        };
    }
    let Some(failure) = failure_in(error) else { return (1, "internal") };
    match failure.class {
        Class::Internal => (1, "internal"),
        Class::Refused => (3, "refused"),
        Class::NotFound => (4, "not_found"),
        Class::Unavailable => (5, "unavailable"),
        Class::OutcomeUnknown => (6, "outcome_unknown"),
        Class::NotPermitted => (7, "not_permitted"),
    }
}

fn failure_in(error: &anyhow::Error) -> Option<&Failure> {
    error.chain().find_map(|cause| cause.downcast_ref::<Failure>())
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_its_own_exit_code() {
        let classes = [
            (Class::Internal, 1),
            (Class::Refused, 3),
            (Class::NotFound, 4),
            (Class::Unavailable, 5),
            (Class::OutcomeUnknown, 6),
            (Class::NotPermitted, 7),
        ];
        for (class, code) in classes {
            let error = anyhow::Error::from(Failure::local(class, "x")).context("while testing");
            assert_eq!(classify(&error).0, code, "{class:?}");
        }
        assert_eq!(classify(&usage("x")).0, 2);
        assert_eq!(classify(&Problem::Certificate("x".into()).into()).0, 7);
        assert_eq!(classify(&Problem::NotReached("x".into()).into()).0, 8);
        assert_eq!(classify(&Problem::NotWell("x".into()).into()).0, 9);
        assert_eq!(classify(&anyhow::anyhow!("x")).0, 1);
    }

    #[test]
    fn every_exit_code_is_in_the_help() {
        for code in 0..=9 {
            assert!(HELP.lines().any(|line| line.starts_with(&format!("  {code}  "))), "{code}");
        }
    }

    #[test]
    fn a_reader_that_leaves_is_no_failure() {
        let error = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe)).context("writing");
        assert!(is_broken_pipe(&error));
    }
}
