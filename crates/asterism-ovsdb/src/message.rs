//! JSON-RPC 1.0 messages, as OVSDB uses them (RFC 7047 §4).
//!
//! Values only: [`crate::codec`] finds them in the stream, [`crate::rpc`] matches replies to requests.

use serde_json::{Value, json};

/// What one peer says to the other.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    Request { id: Value, method: String, params: Value },
    Notification(Notification),
    Reply { id: Value, result: Result<Value, RpcError> },
}

/// A message that wants no answer: `update`, `update3`.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    pub method: String,
    pub params: Value,
}

/// The `error` member of a reply: the server did not carry out the method at all.
///
/// An error within a transaction is no `RpcError`; it stands in the result's place of the failed operation.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the server answered: {}", self.text())]
pub struct RpcError(pub Value);

impl RpcError {
    /// Whether the server does not know the method (ovsdb-server's words for an extension that it lacks).
    pub fn is_unknown_method(&self) -> bool {
        self.text() == "unknown method"
    }

    /// `error: details` where the server gives both (RFC 7047 §3.1, `<error>`), else what it said.
    fn text(&self) -> String {
        let error = self.0.get("error").unwrap_or(&self.0);
        let error = error.as_str().map_or_else(|| error.to_string(), str::to_owned);
        match self.0.get("details").and_then(Value::as_str) {
            Some(details) => format!("{error}: {details}"),
            None => error,
        }
    }
}

/// A JSON object that is no JSON-RPC message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON-RPC message: {reason}")]
pub struct MessageError {
    reason: &'static str,
}

impl TryFrom<Value> for Message {
    type Error = MessageError;

    fn try_from(value: Value) -> Result<Self, MessageError> {
        let Value::Object(mut members) = value else {
            return Err(MessageError { reason: "not an object" });
        };
        let id = members.remove("id").unwrap_or(Value::Null);
        if let Some(method) = members.remove("method") {
            let Value::String(method) = method else {
                return Err(MessageError { reason: "`method` is not a string" });
            };
            let params = members.remove("params").unwrap_or_else(|| json!([]));
            return Ok(if id.is_null() {
                Self::Notification(Notification { method, params })
            } else {
                Self::Request { id, method, params }
            });
        }
        if id.is_null() {
            return Err(MessageError { reason: "neither `method` nor `id`" });
        }
        // ovsdb-server leaves `result` out of a reply that carries an error.
        match (members.remove("error").unwrap_or(Value::Null), members.remove("result")) {
            (Value::Null, Some(result)) => Ok(Self::Reply { id, result: Ok(result) }),
            (Value::Null, None) => Err(MessageError { reason: "neither `result` nor `error` in a reply" }),
            (error, _) => Ok(Self::Reply { id, result: Err(RpcError(error)) }),
        }
    }
}

/// A request, as bytes for the wire.
pub fn encode_request(id: u64, method: &str, params: &Value) -> Vec<u8> {
    json!({ "id": id, "method": method, "params": params }).to_string().into_bytes()
}

/// A successful reply, as bytes for the wire.
pub fn encode_reply(id: &Value, result: &Value) -> Vec<u8> {
    json!({ "id": id, "result": result, "error": null }).to_string().into_bytes()
}

/// The refusal of a request that this client does not serve, as bytes for the wire.
pub fn encode_refusal(id: &Value) -> Vec<u8> {
    json!({ "id": id, "result": null, "error": "unknown method" }).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_reply_may_leave_the_result_out() {
        let message = Message::try_from(json!({"id": 6, "error": "unknown method"})).unwrap();
        let Message::Reply { result: Err(error), .. } = message else { panic!("{message:?}") };
        assert!(error.is_unknown_method());
    }

    #[test]
    fn details_are_shown() {
        let error = RpcError(json!({"error": "unknown database", "details": "no X", "syntax": "[]"}));
        assert_eq!(error.to_string(), "the server answered: unknown database: no X");
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for bad in
            [json!([]), json!({}), json!({"id": 1}), json!({"id": null, "result": 1}), json!({"method": 1})]
        {
            assert!(Message::try_from(bad.clone()).is_err(), "{bad}");
        }
    }
}
