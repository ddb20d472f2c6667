//! The cluster's story.

use std::collections::BTreeMap;

use asterism_model::Event;
use serde_json::Value;

use crate::v1;

/// An event: its kind, what it names field by field, and the same in words.
///
/// Kind and fields are the names of the stored form, so that a new kind of event needs no change here.
pub fn event(event: &Event) -> v1::Event {
    let mut fields = BTreeMap::new();
    let stored = serde_json::to_value(&event.kind).unwrap_or_default();
    add_fields(&mut fields, &stored);
    let kind = fields.remove("kind").unwrap_or_default();
    v1::Event { sequence: event.sequence, at_ms: event.at.0, kind, fields, text: event.kind.to_string() }
}

/// Those of a member that has members itself stand among the others.
fn add_fields(fields: &mut BTreeMap<String, String>, stored: &Value) {
    for (name, value) in stored.as_object().into_iter().flatten() {
        match value {
            Value::Null => {}
            Value::Object(_) => add_fields(fields, value),
            Value::String(text) => {
                fields.insert(name.clone(), text.clone());
            }
            Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
                fields.insert(name.clone(), value.to_string());
            }
        }
    }
}
