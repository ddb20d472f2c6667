//! XML-RPC answers as JSON, so that both protocols are compared by the same rules. Types that XML-RPC writes stay visible.

use quick_xml::{Reader, events::Event};
use serde_json::{Map, Value as Json, json};

#[derive(Default)]
struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

/// The value of an answer.
pub(super) fn read(text: &str) -> Json {
    let root = parse(text);
    let mut element = &root;
    for name in ["methodResponse", "params", "param", "value"] {
        element = element.children.iter().find(|child| child.name == name).unwrap();
    }
    value(element)
}

fn value(element: &Element) -> Json {
    let Some(typed) = element.children.first() else { return json!(element.text) };
    match typed.name.as_str() {
        "array" => typed.children[0].children.iter().map(value).collect(),
        "struct" => {
            let member = |member: &Element| (member.children[0].text.clone(), value(&member.children[1]));
            Json::Object(typed.children.iter().map(member).collect::<Map<_, _>>())
        }
        name => json!({ "type": name, "text": typed.text }),
    }
}

fn parse(text: &str) -> Element {
    let mut reader = Reader::from_str(text);
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                open.push(Element { name: start.name().as_ref().to_owned(), ..Element::default() });
            }
            Event::End(_) => {
                let closed = open.pop().unwrap();
                open.last_mut().unwrap().children.push(closed);
            }
            Event::Text(text) => open.last_mut().unwrap().text.push_str(&text),
            Event::GeneralRef(name) => {
                let text = quick_xml::escape::resolve_predefined_entity(&name).unwrap();
                open.last_mut().unwrap().text.push_str(text);
            }
            Event::Eof => return open.pop().unwrap(),
            Event::Decl(_) => {}
            Event::Empty(_) | Event::CData(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_) => {
                panic!("answers have no such thing: {text}")
            }
        }
    }
}
