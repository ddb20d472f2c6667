//! The wire: HTTP/1.1 with or without TLS, and over it JSON-RPC 1.0, JSON-RPC 2.0 and XML-RPC.
//!
//! Reads a request, has it answered (`calls`), and writes the answer with the headers that a real xapi sends. Which
//! protocol is meant follows from the path: what begins with `/jsonrpc` is JSON-RPC, all else XML-RPC.

pub(crate) mod connection;
pub(crate) mod http;
mod json;
pub(crate) mod listener;
pub(crate) mod tls;
mod xml;

pub(crate) use json::from_json;
pub(crate) use xml::value as to_xml;

use crate::{calls::Refusal, value::Value};

/// A call, and how its answer is to be written.
#[derive(Debug)]
pub(crate) struct Request {
    pub method: String,
    pub parameters: Vec<Value>,
    protocol: Protocol,
}

#[derive(Debug)]
enum Protocol {
    Json1(serde_json::Value),
    Json2(serde_json::Value),
    Xml,
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) struct Body {
    pub text: String,
    pub content_type: &'static str,
    /// Whether any web page may read it: the one answer that says otherwise is the one about bad characters.
    pub is_open: bool,
}

impl Request {
    /// Reads the body of a POST; `None` is what xapi answers with HTTP 500.
    pub(crate) fn read(path: &str, body: &[u8]) -> Option<Request> {
        if path.starts_with("/jsonrpc") { json::read(body) } else { xml::read(body) }
    }

    /// Writes what the call answered; `None` where the connection ends without an answer.
    pub(crate) fn answer(&self, outcome: Result<Value, Refusal>) -> Option<Body> {
        let answer = match outcome {
            Ok(value) => Ok(value),
            Err(Refusal::Failure(failure)) => Err(failure),
            Err(Refusal::BadCharacter(failure)) => {
                let text = match self.protocol {
                    Protocol::Json1(_) | Protocol::Json2(_) => json::version_1(&0.into(), Err(failure)),
                    Protocol::Xml => xml::answer(Err(failure)),
                };
                return Some(Body { text, content_type: self.content_type(), is_open: false });
            }
            Err(Refusal::HangUp) => return None,
        };
        let text = match &self.protocol {
            Protocol::Json1(id) => json::version_1(id, answer),
            Protocol::Json2(id) => json::version_2(id, answer),
            // The one method that is not XAPI's own answers plain XML-RPC.
            Protocol::Xml if self.method == "system.listMethods" => xml::bare(answer),
            Protocol::Xml => xml::answer(answer),
        };
        Some(Body { text, content_type: self.content_type(), is_open: true })
    }

    fn content_type(&self) -> &'static str {
        match self.protocol {
            Protocol::Json1(_) | Protocol::Json2(_) => "application/json",
            Protocol::Xml => "text/xml",
        }
    }
}
