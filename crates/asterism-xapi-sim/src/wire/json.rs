//! JSON-RPC, both versions, and JSON as xapi writes it: compact, keys in order, UTF-8 as it is.
//!
//! Pure. Unlike the standards, `id` must be there, and must be text or an integer of 64 bits; batches are not taken.

use std::fmt::Write;

use super::{Protocol, Request};
use crate::{failure::Answer, value::Value};

/// Reads a request; `None` for anything else.
pub(super) fn read(body: &[u8]) -> Option<Request> {
    let json: serde_json::Value = serde_json::from_slice(body).ok()?;
    let request = json.as_object()?;
    let id = request.get("id").filter(|id| id.is_string() || id.is_i64())?.clone();
    let method = request.get("method")?.as_str()?.to_owned();
    let parameters = match request.get("params") {
        None => Vec::new(),
        Some(parameters) => parameters.as_array()?.iter().cloned().map(from_json).collect(),
    };
    let protocol = match request.get("jsonrpc") {
        None => Protocol::Json1(id),
        Some(version) if version == "2.0" => Protocol::Json2(id),
        Some(_) => return None,
    };
    Some(Request { method, parameters, protocol })
}

/// An answer of JSON-RPC 1.0.
pub(super) fn version_1(id: &serde_json::Value, answer: Answer) -> String {
    match answer {
        Ok(value) => format!("{{\"result\":{},\"error\":null,\"id\":{id}}}", to_json(&value)),
        Err(failure) => {
            let error = Value::texts(std::iter::once(failure.code).chain(failure.parameters));
            format!("{{\"result\":null,\"error\":{},\"id\":{id}}}", to_json(&error))
        }
    }
}

/// An answer of JSON-RPC 2.0. The code of an error is always 1.
pub(super) fn version_2(id: &serde_json::Value, answer: Answer) -> String {
    match answer {
        Ok(value) => format!("{{\"jsonrpc\":\"2.0\",\"result\":{},\"id\":{id}}}", to_json(&value)),
        Err(failure) => format!(
            "{{\"jsonrpc\":\"2.0\",\"error\":{{\"code\":1,\"message\":{},\"data\":{}}},\"id\":{id}}}",
            to_json(&Value::text(failure.code)),
            to_json(&Value::texts(failure.parameters)),
        ),
    }
}

/// What a JSON value means.
pub(crate) fn from_json(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(flag) => Value::Bool(flag),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(number) => Value::Int(number),
            None => Value::Float(number.as_f64().unwrap_or(f64::INFINITY)),
        },
        serde_json::Value::String(text) => Value::Text(text),
        serde_json::Value::Array(members) => Value::Set(members.into_iter().map(from_json).collect()),
        serde_json::Value::Object(entries) => {
            Value::Map(entries.into_iter().map(|(key, value)| (key, from_json(value))).collect())
        }
    }
}

/// A value as JSON.
fn to_json(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value);
    text
}

fn write(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Int(number) => write!(out, "{number}").expect("a String takes all"),
        Value::Int32(number) => write!(out, "{number}").expect("a String takes all"),
        Value::Float(number) => write!(out, "{number:?}").expect("a String takes all"),
        Value::Text(text) | Value::Date(text) => write_text(out, text),
        Value::Set(members) => {
            out.push('[');
            for (index, member) in members.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                write(out, member);
            }
            out.push(']');
        }
        Value::Map(entries) => {
            out.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                write_text(out, key);
                out.push(':');
                write(out, value);
            }
            out.push('}');
        }
    }
}

fn write_text(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_xapi_cannot_read_are_none() {
        let unread = [
            "",
            "{}",
            "[]",
            r#"[{"method":"pool.get_all","params":[],"id":1}]"#,
            r#"{"method":"pool.get_all","params":[]}"#,
            r#"{"method":"pool.get_all","params":[],"id":null}"#,
            r#"{"method":"pool.get_all","params":[],"id":1.5}"#,
            r#"{"method":"pool.get_all","params":[],"id":true}"#,
            r#"{"method":"pool.get_all","params":[],"id":{}}"#,
            r#"{"method":"pool.get_all","params":[],"id":9223372036854775808}"#,
            r#"{"jsonrpc":"1.0","method":"pool.get_all","params":[],"id":1}"#,
            r#"{"jsonrpc":2.0,"method":"pool.get_all","params":[],"id":1}"#,
        ];
        for body in unread {
            assert!(read(body.as_bytes()).is_none(), "{body}");
        }
    }

    #[test]
    fn an_id_is_echoed_as_it_came() {
        for id in ["1", "-5", "\"text\""] {
            let body = format!(r#"{{"method":"pool.get_all","params":[],"id":{id}}}"#);
            let text = read(body.as_bytes()).unwrap().answer(Ok(Value::void())).unwrap().text;
            assert_eq!(text, format!(r#"{{"result":"","error":null,"id":{id}}}"#));
        }
    }

    #[test]
    fn values_are_written_compactly() {
        let value = Value::Map(vec![
            ("b".to_owned(), Value::Float(1.0)),
            ("a".to_owned(), Value::Set(vec![Value::Int(-1), Value::text("é\n\"")])),
        ]);
        assert_eq!(to_json(&value), r#"{"b":1.0,"a":[-1,"é\n\""]}"#);
    }
}
