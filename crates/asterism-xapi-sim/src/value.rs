//! A value as XAPI's calls carry it, and as its database keeps it.
//!
//! Pure. It knows nothing of JSON or XML (`wire`) nor of which value a field may have (`datamodel`). Integers of two
//! sizes are kept apart, since XML-RPC writes them in two ways.

use std::fmt;

/// The reference that refers to nothing.
pub const NULL: &str = "OpaqueRef:NULL";

/// The time that XAPI writes for "never".
pub const NEVER: &str = "19700101T00:00:00Z";

/// One value of an argument, an answer or a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// JSON's `null`. XAPI takes it nowhere, and answers it nowhere.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer of 64 bits: decimal text in XML-RPC.
    Int(i64),
    /// An integer of 32 bits, as in `valid_ref_counts`: an `<i4>` in XML-RPC.
    Int32(i32),
    /// A number with a fraction.
    Float(f64),
    /// Text: strings, references, uuids, enumerated values.
    Text(String),
    /// A time in UTC, `20261122T13:15:46Z`.
    Date(String),
    /// A set, or a list of arguments; its order is kept.
    Set(Vec<Value>),
    /// A map or a record; the database keeps the keys of maps sorted.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// Text of anything that can be shown.
    pub fn text(text: impl Into<String>) -> Value {
        Value::Text(text.into())
    }

    /// What void calls answer.
    pub fn void() -> Value {
        Value::Text(String::new())
    }

    /// The reference to nothing.
    pub fn null_ref() -> Value {
        Value::text(NULL)
    }

    /// A set of texts.
    pub fn texts<T: Into<String>>(items: impl IntoIterator<Item = T>) -> Value {
        Value::Set(items.into_iter().map(Value::text).collect())
    }

    /// A map of texts, sorted by key.
    pub fn map<K: Into<String>, V: Into<String>>(items: impl IntoIterator<Item = (K, V)>) -> Value {
        let mut entries: Vec<_> =
            items.into_iter().map(|(key, value)| (key.into(), Value::text(value))).collect();
        entries.sort_by(|one, other| one.0.cmp(&other.0));
        Value::Map(entries)
    }

    /// The text of a `Text` or a `Date`; of anything else the empty text.
    pub fn as_text(&self) -> &str {
        match self {
            Value::Text(text) | Value::Date(text) => text,
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Int32(_)
            | Value::Float(_)
            | Value::Set(_)
            | Value::Map(_) => "",
        }
    }

    /// Whether this is `true`.
    pub fn is_true(&self) -> bool {
        *self == Value::Bool(true)
    }

    /// The integer of an `Int`; of anything else 0.
    pub fn as_int(&self) -> i64 {
        if let Value::Int(number) = self { *number } else { 0 }
    }

    /// The number of a `Float`; of anything else 0.
    pub fn as_float(&self) -> f64 {
        if let Value::Float(number) = self { *number } else { 0.0 }
    }

    /// The members of a `Set`; of anything else none.
    pub fn members(&self) -> &[Value] {
        if let Value::Set(members) = self { members } else { &[] }
    }

    /// The members of a set of texts.
    pub fn as_texts(&self) -> Vec<String> {
        self.members().iter().map(|member| member.as_text().to_owned()).collect()
    }

    /// The entries of a `Map`; of anything else none.
    pub fn entries(&self) -> &[(String, Value)] {
        if let Value::Map(entries) = self { entries } else { &[] }
    }

    /// The value of a key of a `Map`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }
}

/// As XAPI's error texts show a value: `I(5)`, `S(x)`, `[S(a);S(b)]`.
impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => write!(formatter, "N"),
            Value::Bool(flag) => write!(formatter, "B({flag})"),
            Value::Int(number) => write!(formatter, "I({number})"),
            Value::Int32(number) => write!(formatter, "I32({number})"),
            Value::Float(number) => write!(formatter, "F({number})"),
            Value::Text(text) => write!(formatter, "S({text})"),
            Value::Date(text) => write!(formatter, "D({text})"),
            Value::Set(members) => {
                let members: Vec<String> = members.iter().map(ToString::to_string).collect();
                write!(formatter, "[{}]", members.join(";"))
            }
            Value::Map(entries) => {
                let entries: Vec<String> =
                    entries.iter().map(|(key, value)| format!("{key}:{value}")).collect();
                write!(formatter, "{{{}}}", entries.join(";"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_in_xapis_error_texts() {
        let value = Value::Set(vec![Value::Int(5), Value::text("x"), Value::Null, Value::Float(1500.0)]);
        assert_eq!(value.to_string(), "[I(5);S(x);N;F(1500)]");
        assert_eq!(Value::map([("b", "2"), ("a", "1")]).to_string(), "{a:S(1);b:S(2)}");
    }
}
