//! The answer of `event.from`: what changed, how many objects there are, and where to go on.
//!
//! Pure. It is no log: for each object there is one event at most, with the current record; deletions may be missing,
//! and then the counts disagree.

use std::collections::BTreeMap;

use asterism_model::ObjectRef;
use serde_json::Value;

use crate::{
    jsonrpc::Malformed,
    records::{Class, Fields},
};

/// One answer.
#[derive(Debug, PartialEq)]
pub struct Batch {
    /// In the order of the answer. Apply all of it, then look.
    pub events: Vec<Event>,
    /// How many objects of each watched class there are, where it is told.
    pub counts: BTreeMap<Class, usize>,
    /// For the next call of the same session, with the same classes.
    pub token: String,
}

/// What became of one object.
#[derive(Debug, PartialEq)]
pub struct Event {
    pub class: Class,
    pub object: ObjectRef,
    pub change: Change,
}

#[derive(Debug, PartialEq)]
pub enum Change {
    /// Made or changed: its record.
    Put(Value),
    /// Made or changed, and the record is missing.
    Unshown,
    Gone,
}

impl Batch {
    /// Events of classes that are not watched are left out.
    pub fn read(answer: Value) -> Result<Self, Malformed> {
        let wrong = |expected| Malformed::Result { method: "event.from", expected };
        let Value::Object(mut answer) = answer else { return Err(wrong("a batch of events")) };
        let Some(Value::String(token)) = answer.remove("token") else { return Err(wrong("a token")) };
        let Some(Value::Array(events)) = answer.remove("events") else {
            return Err(wrong("a list of events"));
        };
        let counts = answer.remove("valid_ref_counts").unwrap_or_default();
        let counts = Class::ALL.into_iter().filter_map(|class| {
            let count = Fields::of(&counts).int(class.event_name())?;
            Some((class, usize::try_from(count).ok()?))
        });
        Ok(Self { events: events.into_iter().filter_map(event).collect(), counts: counts.collect(), token })
    }
}

fn event(mut event: Value) -> Option<Event> {
    let fields = Fields::of(&event);
    // Lower case in all versions seen; nothing says that it stays so.
    let class = Class::from_event_name(&fields.text("class").to_ascii_lowercase())?;
    let object = fields.reference("ref")?;
    let change = match fields.text("operation") {
        "del" => Change::Gone,
        _ => match event.get_mut("snapshot").map(Value::take) {
            Some(record @ Value::Object(_)) => Change::Put(record),
            Some(_) | None => Change::Unshown,
        },
    };
    Some(Event { class, object, change })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_watched_or_not_understood_is_left_out() {
        let answer = json!({
            "events": [
                { "class": "network", "operation": "add", "ref": "OpaqueRef:1", "snapshot": { "uuid": "u" } },
                { "class": "PIF", "operation": "mod", "ref": "OpaqueRef:2" },
                { "class": "task", "operation": "add", "ref": "OpaqueRef:3", "snapshot": {} },
                { "class": "vif", "operation": "del", "ref": "OpaqueRef:4" },
                { "class": "vif", "operation": "del" },
                "nonsense",
            ],
            "valid_ref_counts": { "network": 3, "task": 9, "vif": "x", "pif": -1 },
            "token": "1,0",
        });
        let batch = Batch::read(answer).unwrap();
        let object = |text: &str| ObjectRef(text.to_owned());
        let record = json!({ "uuid": "u" });
        assert_eq!(
            batch.events,
            [
                Event { class: Class::Network, object: object("OpaqueRef:1"), change: Change::Put(record) },
                Event { class: Class::Pif, object: object("OpaqueRef:2"), change: Change::Unshown },
                Event { class: Class::Vif, object: object("OpaqueRef:4"), change: Change::Gone },
            ]
        );
        assert_eq!(batch.counts, BTreeMap::from([(Class::Network, 3)]));
        assert_eq!(batch.token, "1,0");
    }

    #[test]
    fn an_answer_without_events_or_token_is_none() {
        assert!(Batch::read(json!([])).is_err());
        assert!(Batch::read(json!({ "events": [] })).is_err());
        assert!(Batch::read(json!({ "events": {}, "token": "" })).is_err());
        assert!(Batch::read(json!({ "events": [], "token": "" })).is_ok());
    }
}
