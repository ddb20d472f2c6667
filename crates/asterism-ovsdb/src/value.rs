//! OVSDB's values (RFC 7047 §5.1): atoms, sets, maps.
//!
//! A scalar is a set of one, as the RFC has it, so that a column reads alike whether it may be empty or not.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use asterism_model::RowUuid;
use serde_json::{Value, json};

/// `<atom>`: what sets and maps are made of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Atom {
    Integer(i64),
    Real(Real),
    Boolean(bool),
    String(String),
    Uuid(RowUuid),
}

/// A finite number that is no integer, ordered by value.
#[derive(Debug, Clone, Copy)]
pub struct Real(f64);

/// `<value>`: what a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Datum {
    Set(BTreeSet<Atom>),
    Map(BTreeMap<Atom, Atom>),
}

/// JSON that is no OVSDB value. It is not shown, since it may hold a secret (`options:psk`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an OVSDB {expected}")]
pub struct ValueError {
    expected: &'static str,
}

impl ValueError {
    fn new(expected: &'static str) -> Self {
        Self { expected }
    }
}

impl Atom {
    /// Reads `<atom>`.
    pub fn from_json(json: &Value) -> Result<Self, ValueError> {
        let error = || ValueError::new("atom");
        match json {
            Value::Bool(boolean) => Ok(Self::Boolean(*boolean)),
            Value::String(text) => Ok(Self::String(text.clone())),
            Value::Number(number) => match number.as_i64() {
                Some(integer) => Ok(Self::Integer(integer)),
                None => number.as_f64().map(|real| Self::Real(Real(real))).ok_or_else(error),
            },
            Value::Array(pair) => match pair.as_slice() {
                [Value::String(tag), Value::String(text)] if tag == "uuid" => {
                    text.parse().map(Self::Uuid).map_err(|_| error())
                }
                _ => Err(error()),
            },
            Value::Null | Value::Object(_) => Err(error()),
        }
    }

    /// Writes `<atom>`.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Integer(integer) => json!(integer),
            Self::Real(real) => json!(real.0),
            Self::Boolean(boolean) => json!(boolean),
            Self::String(text) => json!(text),
            Self::Uuid(uuid) => uuid_json(*uuid),
        }
    }
}

impl Datum {
    /// Reads `<value>`.
    pub fn from_json(json: &Value) -> Result<Self, ValueError> {
        match json.as_array().map(Vec::as_slice) {
            Some([Value::String(tag), Value::Array(elements)]) if tag == "set" => read_set(elements),
            Some([Value::String(tag), Value::Array(pairs)]) if tag == "map" => read_map(pairs),
            Some(_) | None => Atom::from_json(json).map(|atom| Self::Set(BTreeSet::from([atom]))),
        }
    }

    /// Writes `<value>`, a set of one as its atom.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Set(set) => match set.first() {
                Some(atom) if set.len() == 1 => atom.to_json(),
                Some(_) | None => json!(["set", set.iter().map(Atom::to_json).collect::<Vec<_>>()]),
            },
            Self::Map(map) => {
                let pairs: Vec<_> =
                    map.iter().map(|(key, value)| json!([key.to_json(), value.to_json()])).collect();
                json!(["map", pairs])
            }
        }
    }
}

fn read_set(elements: &[Value]) -> Result<Datum, ValueError> {
    let set = elements.iter().map(Atom::from_json).collect::<Result<BTreeSet<_>, _>>()?;
    if set.len() == elements.len() {
        Ok(Datum::Set(set))
    } else {
        Err(ValueError::new("set without duplicates"))
    }
}

fn read_map(pairs: &[Value]) -> Result<Datum, ValueError> {
    let mut map = BTreeMap::new();
    for pair in pairs {
        let Some([key, value]) = pair.as_array().map(Vec::as_slice) else {
            return Err(ValueError::new("map of pairs"));
        };
        if map.insert(Atom::from_json(key)?, Atom::from_json(value)?).is_some() {
            return Err(ValueError::new("map without duplicate keys"));
        }
    }
    Ok(Datum::Map(map))
}

/// `["uuid", "..."]`.
pub fn uuid_json(uuid: RowUuid) -> Value {
    json!(["uuid", uuid.to_string()])
}

/// `["map", [[key, value], ...]]` of strings, in the order given.
pub fn map_json<K: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (K, V)>) -> Value {
    let pairs: Vec<_> = pairs.into_iter().map(|(key, value)| json!([key.as_ref(), value.as_ref()])).collect();
    json!(["map", pairs])
}

impl PartialEq for Real {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Real {}

impl PartialOrd for Real {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Real {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn arb_atom() -> impl Strategy<Value = Atom> {
        prop_oneof![
            any::<i64>().prop_map(Atom::Integer),
            any::<bool>().prop_map(Atom::Boolean),
            ".{0,6}|set|map|uuid".prop_map(Atom::String),
            any::<u128>().prop_map(|number| Atom::Uuid(RowUuid(number))),
            (-1e3..1e3f64)
                .prop_filter("no integer", |real| real.fract() != 0.0)
                .prop_map(|r| Atom::Real(Real(r))),
        ]
    }

    proptest! {
        #[test]
        fn a_datum_reads_what_it_prints(
            set in prop::collection::btree_set(arb_atom(), 0..5),
            map in prop::collection::btree_map(arb_atom(), arb_atom(), 0..5),
        ) {
            let (set, map) = (Datum::Set(set), Datum::Map(map));
            prop_assert_eq!(Datum::from_json(&set.to_json()), Ok(set));
            prop_assert_eq!(Datum::from_json(&map.to_json()), Ok(map));
        }
    }

    #[test]
    fn what_is_no_value_is_refused() {
        let bad = [
            json!(null),
            json!({}),
            json!([]),
            json!(["uuid", "1"]),
            json!(["named-uuid", "x"]),
            json!(["set", [1, 1]]),
            json!(["set", [["set", []]]]),
            json!(["map", [[1]]]),
            json!(["map", [[1, 2], [1, 3]]]),
        ];
        for json in bad {
            assert!(Datum::from_json(&json).is_err(), "{json}");
        }
    }
}
