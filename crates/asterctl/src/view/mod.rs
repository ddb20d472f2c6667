//! The stable shapes in which answers are shown: JSON and YAML are these, tables are made of them.
//!
//! Kept apart from the wire, so that neither holds the other back. Enums are words in snake_case, times RFC 3339.

pub mod adoption;
pub mod audit;
pub mod certificate;
pub mod cluster;
pub mod diagnosis;
pub mod event;
pub mod explanation;
pub mod forecast;
pub mod host;
pub mod member;
pub mod network;
pub mod overview;
pub mod plan;
pub mod pool;
pub mod pool_check;
pub mod probe;
pub mod receipt;
pub mod settings;
pub mod snapshot;
#[cfg(test)]
mod tests;
pub mod topology;
pub mod verification;

use std::time::{Duration, UNIX_EPOCH};

use asterism_api::v1;
use serde::Serialize;

/// Something that can be shown alone, or in a list.
pub trait View: Serialize {
    /// Of its document; a list's has `List` after it.
    const KIND: &'static str;
    /// Of a list's table.
    const COLUMNS: &'static [&'static str];

    /// Its row in a list's table.
    fn cells(&self) -> Vec<String>;

    /// Alone, for people; ends with a newline.
    fn text(&self) -> String;
}

/// The index of an answer's state.
pub fn index_of(mark: Option<v1::ReadMark>) -> u64 {
    mark.map_or(0, |mark| mark.index)
}

/// The last second that RFC 3339 can write.
const MAX_SECONDS: u64 = 253_402_300_799;

/// Milliseconds since the Unix epoch as RFC 3339; empty for 0, which stands for "never".
pub fn time(ms: u64) -> String {
    if ms == 0 {
        return String::new();
    }
    let time = UNIX_EPOCH + Duration::from_millis(ms.min(MAX_SECONDS * 1000));
    humantime::format_rfc3339_millis(time).to_string()
}

/// The same to the second, for tables.
pub fn time_short(rfc3339: &str) -> String {
    match rfc3339.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => rfc3339.to_owned(),
    }
}

/// An enum of the wire as a word: `LANE_PHASE_WRITING` of `LANE_PHASE_` is `writing`. A number that is not known, or
/// unspecified, is `unknown`.
pub fn word_of(name: Option<&'static str>, prefix: &str) -> String {
    match name.and_then(|name| name.strip_prefix(prefix)) {
        None | Some("UNSPECIFIED") => "unknown".to_owned(),
        Some(name) => name.to_ascii_lowercase(),
    }
}

/// [`word_of`] of a field's number.
macro_rules! word {
    ($kind:ident, $prefix:literal, $number:expr) => {
        $crate::view::word_of(
            asterism_api::v1::$kind::try_from($number).ok().map(|value| value.as_str_name()),
            $prefix,
        )
    };
}
pub(crate) use word;
