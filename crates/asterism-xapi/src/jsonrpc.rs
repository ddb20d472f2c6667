//! JSON-RPC 2.0, as XAPI speaks it, with the one error that comes in the form of 1.0.
//!
//! Pure. A request holding a character that XML forbids is answered in the form of 1.0 and with id 0, whatever was
//! asked; so an answer belongs to the request of its HTTP exchange, and the id is a check of that and no more.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::failure::{XapiFailure, shown};

/// An answer that is none of XAPI's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("expected JSON, found `{0}`")]
    NotJson(String),
    #[error("expected an answer of JSON-RPC, with `result` or `error`")]
    NotAnAnswer,
    #[error("expected the answer to request {expected}, found that to {found}")]
    WrongId { expected: u64, found: String },
    #[error("expected {expected} from {method}")]
    Result { method: &'static str, expected: &'static str },
}

/// A request's body.
pub fn encode(method: &str, params: &[Value], id: u64) -> Bytes {
    let request = json!({ "jsonrpc": "2.0", "method": method, "params": params, "id": id });
    Bytes::from(request.to_string())
}

/// The answer in `body` to request `id`: a result, or XAPI's refusal.
pub fn decode(body: &[u8], id: u64) -> Result<Result<Value, XapiFailure>, Malformed> {
    let answer: Value = serde_json::from_slice(body)
        .map_err(|_| Malformed::NotJson(shown(&String::from_utf8_lossy(&body[..body.len().min(60)]))))?;
    let Value::Object(mut answer) = answer else { return Err(Malformed::NotAnAnswer) };
    let is_current = answer.get("jsonrpc").is_some_and(|version| version == "2.0");
    match answer.remove("error") {
        Some(Value::Object(error)) => {
            check_id(&answer, id)?;
            Ok(Err(failure_2(error)?))
        }
        // The id is 0 where the request could not be read.
        Some(Value::Array(error)) => Ok(Err(failure_1(error)?)),
        None | Some(Value::Null) => {
            let result = answer.remove("result").ok_or(Malformed::NotAnAnswer)?;
            if !is_current {
                return Err(Malformed::NotAnAnswer);
            }
            check_id(&answer, id)?;
            Ok(Ok(result))
        }
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) => Err(Malformed::NotAnAnswer),
    }
}

fn check_id(answer: &Map<String, Value>, expected: u64) -> Result<(), Malformed> {
    match answer.get("id") {
        Some(id) if id.as_u64() == Some(expected) => Ok(()),
        found => {
            let found = found.map_or_else(|| "none".to_owned(), |id| shown(&id.to_string()));
            Err(Malformed::WrongId { expected, found })
        }
    }
}

/// `{"code":1,"message":CODE,"data":[..]}`
fn failure_2(mut error: Map<String, Value>) -> Result<XapiFailure, Malformed> {
    let Some(Value::String(code)) = error.remove("message") else { return Err(Malformed::NotAnAnswer) };
    let params = match error.remove("data") {
        Some(Value::Array(params)) => params.into_iter().map(text).collect(),
        Some(Value::Null) | None => Vec::new(),
        Some(other) => vec![text(other)],
    };
    Ok(XapiFailure { code, params })
}

/// `[CODE, ..]`
fn failure_1(error: Vec<Value>) -> Result<XapiFailure, Malformed> {
    let mut words = error.into_iter().map(text);
    let code = words.next().ok_or(Malformed::NotAnAnswer)?;
    Ok(XapiFailure { code, params: words.collect() })
}

fn text(value: Value) -> String {
    if let Value::String(text) = value { text } else { value.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: &str, params: &[&str]) -> XapiFailure {
        XapiFailure { code: code.to_owned(), params: params.iter().map(|&param| param.to_owned()).collect() }
    }

    #[test]
    fn results_and_failures_are_told_apart() {
        let result = br#"{"jsonrpc":"2.0","result":"OpaqueRef:1","id":7}"#;
        assert_eq!(decode(result, 7), Ok(Ok(json!("OpaqueRef:1"))));
        let refused =
            br#"{"jsonrpc":"2.0","error":{"code":1,"message":"HOST_IS_SLAVE","data":["10.0.0.11"]},"id":7}"#;
        assert_eq!(decode(refused, 7), Ok(Err(failure("HOST_IS_SLAVE", &["10.0.0.11"]))));
    }

    #[test]
    fn the_error_of_an_unreadable_string_has_another_form_and_id() {
        let body =
            br#"{"result":null,"error":["INVALID_VALUE","Invalid UTF-8 string in parameter","S(x)"],"id":0}"#;
        let expected = failure("INVALID_VALUE", &["Invalid UTF-8 string in parameter", "S(x)"]);
        assert_eq!(decode(body, 7), Ok(Err(expected)));
    }

    #[test]
    fn nothing_that_arrives_is_taken_for_an_answer_unless_it_is_one() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for body in [
            "",
            "<html>",
            "[]",
            "null",
            "{}",
            "7",
            r#"{"jsonrpc":"2.0","id":7}"#,
            r#"{"jsonrpc":"2.0","result":1,"id":8}"#,
            r#"{"jsonrpc":"2.0","result":1}"#,
            r#"{"result":1,"error":null,"id":7}"#,
            r#"{"jsonrpc":"2.0","error":{"code":1},"id":7}"#,
            r#"{"jsonrpc":"2.0","error":{"code":1,"message":"X","data":[]},"id":6}"#,
            r#"{"error":[],"id":0}"#,
            r#"{"error":"X","id":7}"#,
            &deep,
        ] {
            assert!(decode(body.as_bytes(), 7).is_err(), "{}", shown(body));
        }
        assert!(decode(&[0xff, 0xfe, 0x00], 7).is_err());
    }
}
