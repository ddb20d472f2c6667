//! XML-RPC as XAPI speaks it: an answer is a struct of `Status` and either `Value` or `ErrorDescription`, strings have no
//! type, and integers of 64 bits are strings.
//!
//! Pure.

use quick_xml::{
    escape::escape,
    events::{BytesStart, Event},
};

use super::{Protocol, Request};
use crate::{failure::Answer, value::Value};

const HEAD: &str = "<?xml version=\"1.0\"?><methodResponse><params><param><value>";
const TAIL: &str = "</value></param></params></methodResponse>";

/// An element with what stands in it.
#[derive(Debug, Default)]
struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

/// Reads a call; `None` for anything else.
pub(super) fn read(body: &[u8]) -> Option<Request> {
    let root = parse(std::str::from_utf8(body).ok()?)?;
    if root.name != "methodCall" {
        return None;
    }
    let method = root.child("methodName")?.text.trim().to_owned();
    let parameters = match root.child("params") {
        None => Vec::new(),
        Some(parameters) => {
            parameters.children.iter().map(|one| read_value(one.child("value")?)).collect::<Option<_>>()?
        }
    };
    Some(Request { method, parameters, protocol: Protocol::Xml })
}

/// An answer with its status.
pub(super) fn answer(answer: Answer) -> String {
    let (status, name, value) = match answer {
        Ok(value) => ("Success", "Value", value),
        Err(failure) => {
            let description = Value::texts(std::iter::once(failure.code).chain(failure.parameters));
            ("Failure", "ErrorDescription", description)
        }
    };
    let members = vec![("Status".to_owned(), Value::text(status)), (name.to_owned(), value)];
    format!("{HEAD}{}{TAIL}", inner(&Value::Map(members)))
}

/// An answer without a status, as `system.listMethods` gives it.
pub(super) fn bare(answer_: Answer) -> String {
    match answer_ {
        Ok(value) => format!("{HEAD}{}{TAIL}", inner(&value)),
        Err(failure) => answer(Err(failure)),
    }
}

/// A value as `<value>..</value>`, also the form of `task.result`.
pub(crate) fn value(value: &Value) -> String {
    format!("<value>{}</value>", inner(value))
}

fn inner(content: &Value) -> String {
    match content {
        Value::Null => "<nil/>".to_owned(),
        Value::Bool(flag) => format!("<boolean>{}</boolean>", u8::from(*flag)),
        Value::Int(number) => number.to_string(),
        Value::Int32(number) => format!("<i4>{number}</i4>"),
        Value::Float(number) => format!("<double>{number}</double>"),
        Value::Text(text) => escape(text.as_str()).into_owned(),
        Value::Date(text) => format!("<dateTime.iso8601>{text}</dateTime.iso8601>"),
        Value::Set(members) => {
            let members: String = members.iter().map(value).collect();
            format!("<array><data>{members}</data></array>")
        }
        Value::Map(entries) => {
            let member = |(key, content): &(String, Value)| {
                format!("<member><name>{}</name>{}</member>", escape(key.as_str()), value(content))
            };
            let members: String = entries.iter().map(member).collect();
            format!("<struct>{members}</struct>")
        }
    }
}

fn read_value(element: &Element) -> Option<Value> {
    let Some(typed) = element.children.first() else { return Some(Value::text(&element.text)) };
    let text = &typed.text;
    Some(match typed.name.as_str() {
        "string" => Value::text(text),
        "int" | "i4" | "i8" => Value::Int(text.trim().parse().ok()?),
        "double" => Value::Float(text.trim().parse().ok()?),
        "boolean" => Value::Bool(text.trim() == "1"),
        "dateTime.iso8601" => Value::Date(text.trim().to_owned()),
        "nil" => Value::Null,
        "array" => {
            let members = typed.child("data")?.children.iter().map(read_value);
            Value::Set(members.collect::<Option<_>>()?)
        }
        "struct" => {
            let member = |member: &Element| {
                Some((member.child("name")?.text.clone(), read_value(member.child("value")?)?))
            };
            Value::Map(typed.children.iter().map(member).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

impl Element {
    fn named(start: &BytesStart<'_>) -> Element {
        Element { name: start.name().as_ref().to_owned(), ..Element::default() }
    }

    fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }
}

fn parse(text: &str) -> Option<Element> {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => open.push(Element::named(&start)),
            Event::Empty(start) => open.last_mut()?.children.push(Element::named(&start)),
            Event::End(_) => {
                let closed = open.pop()?;
                open.last_mut()?.children.push(closed);
            }
            Event::Text(text) => open.last_mut()?.text.push_str(&text),
            Event::CData(text) => open.last_mut()?.text.push_str(&text),
            Event::GeneralRef(reference) => {
                let name: &str = &reference;
                let text = match name.strip_prefix('#') {
                    Some(_) => reference.resolve_char_ref().ok()??.to_string(),
                    None => quick_xml::escape::resolve_predefined_entity(name)?.to_owned(),
                };
                open.last_mut()?.text.push_str(&text);
            }
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    // A document is one element; anything left open is no document.
    let mut root = open.pop().filter(|_| open.is_empty())?;
    if root.children.len() == 1 { root.children.pop() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_and_untyped_values_are_read() {
        let body = "<?xml version='1.0'?><methodCall><methodName>x.y</methodName><params>\
            <param><value>a &lt;&amp;&gt; &#233;</value></param><param><value><string>b</string></value></param>\
            <param><value><int>5</int></value></param><param><value><boolean>1</boolean></value></param>\
            <param><value><struct><member><name>k</name><value/></member></struct></value></param>\
            <param><value><array><data><value>1</value></data></array></value></param></params></methodCall>";
        let request = read(body.as_bytes()).unwrap();
        assert_eq!(request.method, "x.y");
        let expected = vec![
            Value::text("a <&> é"),
            Value::text("b"),
            Value::Int(5),
            Value::Bool(true),
            Value::Map(vec![("k".to_owned(), Value::void())]),
            Value::Set(vec![Value::text("1")]),
        ];
        assert_eq!(request.parameters, expected);
    }

    #[test]
    fn what_is_no_call_is_not_read() {
        for body in
            ["", "x", "<methodCall>", "<methodCall/>", "<a/><b/>", "<methodResponse/>", "<methodCall></b>"]
        {
            assert!(read(body.as_bytes()).is_none(), "{body}");
        }
    }

    #[test]
    fn values_are_written_as_xapi_writes_them() {
        let all = Value::Set(vec![
            Value::Int(1500),
            Value::Int32(3),
            Value::Float(0.5),
            Value::Bool(false),
            Value::text("<"),
            Value::Date("20260101T00:00:00Z".to_owned()),
            Value::Map(vec![]),
        ]);
        assert_eq!(
            value(&all),
            "<value><array><data><value>1500</value><value><i4>3</i4></value><value><double>0.5</double></value>\
             <value><boolean>0</boolean></value><value>&lt;</value>\
             <value><dateTime.iso8601>20260101T00:00:00Z</dateTime.iso8601></value>\
             <value><struct></struct></value></data></array></value>"
        );
    }
}
