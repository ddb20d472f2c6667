//! An error as a line of text: what outlives it, in logs, answers to operators, and evidence.
//!
//! It stands here since edges and glue know the model and not one another. (The laboratory's own errors know neither.)

use std::error::Error;

/// An error and its causes in one line. A cause whose text the line has already is left out: some errors print theirs.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Outer {
        text: String,
        source: io::Error,
    }

    fn chain_of(text: &str, cause: &str) -> String {
        // An io::Error made from another prints that one's text, and has the other as its source's cause.
        let inner = Outer { text: cause.to_owned(), source: io::Error::other("disk on fire") };
        chain(&Outer { text: text.to_owned(), source: io::Error::other(inner) })
    }

    #[test]
    fn a_chain_says_each_cause_once() {
        assert_eq!(chain_of("can't open p1", "can't read"), "can't open p1: can't read: disk on fire");
        assert_eq!(
            chain_of("can't open p1: can't read", "can't read"),
            "can't open p1: can't read: disk on fire"
        );
    }
}
