//! Reads a record's fields leniently: what is missing or of another type is the field's default.
//!
//! Versions 1.249 to 26.x differ in fields, and a pool in the middle of an upgrade mixes them. A record that is wrong in
//! a field that concerns nobody must not hide the object.

use std::collections::BTreeMap;

use asterism_model::{ObjectRef, XapiUuid};
use serde_json::{Map, Value};

/// How XAPI writes a reference to nothing.
const NULL: &str = "OpaqueRef:NULL";

/// The fields of one record, or of nothing.
#[derive(Clone, Copy)]
pub struct Fields<'a>(Option<&'a Map<String, Value>>);

impl<'a> Fields<'a> {
    /// Of something that should be an object.
    pub fn of(value: &'a Value) -> Self {
        Self(value.as_object())
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.0?.get(name)
    }

    /// A string; empty by default.
    pub fn text(&self, name: &str) -> &'a str {
        self.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A number, also one written as text.
    pub fn int(&self, name: &str) -> Option<i64> {
        let value = self.get(name)?;
        value.as_i64().or_else(|| value.as_str()?.parse().ok())
    }

    /// A boolean; `default` where it is missing.
    pub fn flag(&self, name: &str, default: bool) -> bool {
        self.get(name).and_then(Value::as_bool).unwrap_or(default)
    }

    pub fn uuid(&self) -> Option<XapiUuid> {
        self.text("uuid").parse().ok()
    }

    /// A reference, unless it leads nowhere by its own account. It may dangle.
    pub fn reference(&self, name: &str) -> Option<ObjectRef> {
        reference(self.text(name))
    }

    /// A set of strings.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// A set of references.
    pub fn references(&self, name: &str) -> Vec<ObjectRef> {
        self.texts(name).filter_map(reference).collect()
    }

    /// A map of strings.
    pub fn map(&self, name: &str) -> BTreeMap<String, String> {
        let all = self.get(name).and_then(Value::as_object).into_iter().flatten();
        all.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
    }

    /// The record of the first entry in a map of records.
    pub fn first_record(&self) -> Option<&'a Value> {
        self.0?.values().next()
    }
}

fn reference(text: &str) -> Option<ObjectRef> {
    (!text.is_empty() && text != NULL).then(|| ObjectRef(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_of_another_type_is_its_default() {
        let value = json!({ "a": 1, "b": "7", "c": null, "d": { "x": 1, "y": "z" }, "e": ["OpaqueRef:1", "OpaqueRef:NULL", 3] });
        let fields = Fields::of(&value);
        assert_eq!(fields.text("a"), "");
        assert_eq!(fields.int("b"), Some(7));
        assert_eq!(fields.int("c"), None);
        assert!(fields.flag("a", true));
        assert_eq!(fields.map("d"), BTreeMap::from([("y".to_owned(), "z".to_owned())]));
        assert_eq!(fields.references("e"), [ObjectRef("OpaqueRef:1".to_owned())]);
        assert_eq!(fields.reference("missing"), None);
        assert_eq!(Fields::of(&json!(3)).text("a"), "");
    }
}
