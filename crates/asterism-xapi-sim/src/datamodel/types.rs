//! The types of fields and arguments, and how a value from the wire becomes one.
//!
//! Pure. A value of the wrong type is refused with the text that XAPI's own marshalling gives.

use crate::{
    failure::Failure,
    value::{NEVER, NULL, Value},
};

/// The type of a field or of an argument.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// Text, also a uuid.
    Text,
    /// An integer of 64 bits.
    Int,
    /// A number with a fraction.
    Float,
    /// A truth value.
    Bool,
    /// A time.
    Date,
    /// A reference to a row of the class.
    Ref(String),
    /// One of the values.
    Enum(Vec<String>),
    /// A set of one type.
    Set(Box<Type>),
    /// A map from a type to a type.
    Map(Box<Type>, Box<Type>),
    /// A whole record; the call itself takes it apart.
    Record,
}

impl Type {
    /// What a field of this type holds when nothing says otherwise.
    pub(crate) fn zero(&self) -> Value {
        match self {
            Type::Text => Value::void(),
            Type::Int => Value::Int(0),
            Type::Float => Value::Float(0.0),
            Type::Bool => Value::Bool(false),
            Type::Date => Value::Date(NEVER.to_owned()),
            Type::Ref(_) => Value::text(NULL),
            Type::Enum(values) => Value::text(values.first().map_or("", String::as_str)),
            Type::Set(_) => Value::Set(Vec::new()),
            Type::Map(..) | Type::Record => Value::Map(Vec::new()),
        }
    }

    /// The value of this type that came over the wire, or the text of XAPI's refusal.
    pub(crate) fn unmarshal(&self, value: Value) -> Result<Value, Failure> {
        let known = match (self, &value) {
            (Type::Text | Type::Ref(_), Value::Text(_))
            | (Type::Int, Value::Int(_))
            | (Type::Float, Value::Float(_))
            | (Type::Bool, Value::Bool(_))
            | (Type::Date, Value::Date(_))
            | (Type::Record, Value::Map(_)) => return Ok(value),
            (Type::Int, Value::Text(text)) => {
                text.parse().map(Value::Int).map_err(|_| "Int64.of_string".to_owned())
            }
            (Type::Float, Value::Int(number)) => Ok(Value::Float(float(*number))),
            (Type::Float, Value::Text(text)) => {
                text.parse().map(Value::Float).map_err(|_| "Float.of_string".to_owned())
            }
            (Type::Date, Value::Text(text)) => Ok(Value::Date(text.clone())),
            // Enumerated values are taken in any case, and kept in the right one.
            (Type::Enum(values), found) => values
                .iter()
                .find(|known| known.eq_ignore_ascii_case(found.as_text()))
                .map(Value::text)
                .ok_or_else(|| "Unknown tag/contents".to_owned()),
            (Type::Set(inner), Value::Set(members)) => {
                let members = members.iter().map(|member| inner.unmarshal(member.clone()));
                return Ok(Value::Set(members.collect::<Result<_, _>>()?));
            }
            (Type::Map(_, inner), Value::Map(entries)) => {
                let entries =
                    entries.iter().map(|(key, value)| Ok((key.clone(), inner.unmarshal(value.clone())?)));
                let mut entries = entries.collect::<Result<Vec<_>, Failure>>()?;
                entries.sort_by(|one, other| one.0.cmp(&other.0));
                return Ok(Value::Map(entries));
            }
            (Type::Text | Type::Ref(_), found) => Err(expected("string", found)),
            (Type::Int, found) => Err(expected("int64", found)),
            (Type::Float, found) => Err(expected("float", found)),
            (Type::Bool, found) => Err(expected("bool", found)),
            (Type::Date, found) => Err(expected("datetime", found)),
            (Type::Set(_), found) => Err(format!("Expecting Rpc.Enum, but found '{found}'")),
            (Type::Map(..), found) => Err(format!("Expecting Rpc.Dict, but found '{found}'")),
            (Type::Record, _) => Err("bad __structure".to_owned()),
        };
        known.map_err(|text| Failure::marshalling(&text))
    }
}

fn expected(what: &str, found: &Value) -> String {
    format!("Expected {what}, got '{found}'")
}

/// Seconds of a timeout and the like: far below where an f64 loses integers.
#[expect(clippy::cast_precision_loss, reason = "numbers that large do not occur, and would only be rounded")]
fn float(number: i64) -> f64 {
    number as f64
}
