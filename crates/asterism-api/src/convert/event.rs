//! The cluster's story.

use asterism_model::Event;
use serde_json::Value;

use crate::v1;

/// An event: its kind, what it names field by field, and the same in words.
///
/// Kind and fields are the names of the stored form, so that a new kind of event needs no change here.
pub fn event(event: &Event) -> v1::Event {
    let mut kind = String::new();
    let mut fields = std::collections::BTreeMap::new();
    let stored = serde_json::to_value(&event.kind).unwrap_or_default();
    let members = stored.as_object().into_iter().flatten();
    for (name, value) in members {
        match (name.as_str(), value) {
            ("kind", Value::String(text)) => kind.clone_from(text),
            (_, Value::Null) => {}
            (_, Value::String(text)) => {
                fields.insert(name.clone(), text.clone());
            }
            (_, Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                fields.insert(name.clone(), value.to_string());
            }
        }
    }
    v1::Event { sequence: event.sequence, at_ms: event.at.0, kind, fields, text: event.kind.to_string() }
}
