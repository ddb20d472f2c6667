//! An event as it is shown.

use std::collections::BTreeMap;

use asterism_api::v1;
use serde::Serialize;

use super::{View, time};

#[derive(Debug, Serialize)]
pub struct EventView {
    pub sequence: u64,
    pub at: String,
    pub event: String,
    pub fields: BTreeMap<String, String>,
    pub text: String,
}

impl From<v1::Event> for EventView {
    fn from(event: v1::Event) -> Self {
        let v1::Event { sequence, at_ms, kind, fields, text } = event;
        Self { sequence, at: time(at_ms), event: kind, fields, text }
    }
}

impl View for EventView {
    const KIND: &'static str = "Event";
    const COLUMNS: &'static [&'static str] = &["AT", "SEQUENCE", "EVENT"];

    fn cells(&self) -> Vec<String> {
        vec![self.at.clone(), self.sequence.to_string(), self.text.clone()]
    }

    /// A line of a stream: aligned without knowing the lines to come.
    fn text(&self) -> String {
        format!("{}  {:>6}  {}\n", self.at, self.sequence, self.text)
    }
}
