//! The audit trail: every change that somebody asked for, with who, when, from where, and what came of it.
//!
//! What the controllers propose by themselves has no caller and is told by [`crate::Event`]s. The trail is bounded: the
//! oldest entries are dropped, and the sequence numbers show how many.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Caller, Operation, Reply, Timestamp};

/// How many entries the state keeps; older ones are dropped. At some 400 bytes each that is less than a megabyte of each
/// snapshot.
pub const MAX_AUDIT: usize = 2000;

/// Longest text of an entry's details or refusal, in bytes; what is longer is cut and ends in an ellipsis.
const MAX_TEXT: usize = 400;

/// Fields that say nothing to an auditor, or hold what must not be shown, even sealed.
const LEFT_OUT: [&str; 4] = ["password", "secret", "key", "psk"];

/// One change, or one that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Counts up by one with every entry of the cluster.
    pub sequence: u64,
    pub at: Timestamp,
    pub caller: Caller,
    /// Which operation, by the name of its stored form: `create_network`.
    pub operation: String,
    /// The network, host or pool that it is about; empty where it is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// The operation in JSON, without secrets; cut at 400 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub details: String,
    pub result: AuditResult,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditResult {
    /// It was done; the state has this revision since.
    Applied { revision: u64 },
    /// The state refused it, and why.
    Refused { reason: String },
    /// The caller's role does not allow it.
    NotPermitted,
}

impl AuditResult {
    pub(crate) fn of(reply: &Reply) -> Self {
        match reply {
            Reply::Applied { revision, .. } => Self::Applied { revision: *revision },
            Reply::Refused(refusal) => Self::Refused { reason: cut(refusal.to_string()) },
        }
    }
}

/// An operation in words: its name, what it is about, and its fields.
pub(crate) struct Described {
    pub operation: String,
    pub subject: String,
    pub details: String,
}

impl Described {
    /// Taken from the stored form, so that a new operation is described without being known here.
    pub fn of(operation: &Operation) -> Self {
        let (name, mut fields) = match serde_json::to_value(operation) {
            Ok(Value::Object(variant)) => variant.into_iter().next().unwrap_or_default(),
            Ok(Value::String(name)) => (name, Value::Null),
            Ok(_) | Err(_) => (String::new(), Value::Null),
        };
        leave_out(&mut fields);
        let details = if fields.is_null() { String::new() } else { cut(fields.to_string()) };
        Self { operation: name, subject: subject(&fields), details }
    }
}

/// The narrowest thing that the fields name: a network before a host, a host before its pool.
fn subject(fields: &Value) -> String {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let network = text(fields.get("network"));
    let host = fields.get("host").and_then(|host| {
        let pool = text(host.get("pool").or_else(|| fields.get("pool")))?;
        Some(format!("{pool}/{}", text(host.get("host").or_else(|| host.get("name")))?))
    });
    let rest = ["pool", "name"].into_iter().find_map(|field| text(fields.get(field)));
    network.or(host).or(rest).unwrap_or_default()
}

fn leave_out(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, field| !LEFT_OUT.contains(&name.as_str()) && !field.is_null());
            fields.values_mut().for_each(leave_out);
        }
        Value::Array(items) => items.iter_mut().for_each(leave_out),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// At most [`MAX_TEXT`] bytes of a text.
fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        let end = (0..=MAX_TEXT).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}
