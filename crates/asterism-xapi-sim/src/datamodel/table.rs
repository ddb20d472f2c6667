//! Reads the table of the data model.
//!
//! Pure. The table is part of the program: a line that cannot be read is a programmer's error, and a test reads all.

use std::collections::BTreeMap;

use super::{Access, Call, Class, Field, Release, Type};
use crate::{value::Value, wire};

type Enums<'a> = BTreeMap<&'a str, Vec<String>>;

/// All classes, in the table's order.
pub(super) fn parse(table: &str) -> Vec<Class> {
    let enums = enums(table);
    let mut classes: Vec<Class> = Vec::new();
    for line in table.lines() {
        let (word, rest) = line.split_once(' ').expect("each line begins with a word and a name");
        if word == "class" {
            classes.push(Class { name: rest.to_owned(), fields: Vec::new(), calls: Vec::new() });
            continue;
        }
        let class = classes.last_mut().expect("the table begins with a class");
        match word {
            "field" => class.fields.push(field(rest, &enums)),
            "call" => class.calls.push(call(rest, &enums)),
            "enum" => {}
            _ => panic!("the table of the data model has no line `{line}`"),
        }
    }
    classes
}

fn enums(table: &str) -> Enums<'_> {
    let lines = table.lines().filter_map(|line| line.strip_prefix("enum "));
    lines
        .map(|line| {
            let mut words = line.split(' ');
            let name = words.next().expect("an enum has a name");
            (name, words.map(ToOwned::to_owned).collect())
        })
        .collect()
}

fn field(line: &str, enums: &Enums<'_>) -> Field {
    let mut words = line.splitn(5, ' ');
    let mut next = || words.next().expect("a field has a name, a type, an access and a version");
    let (name, kind, access, since) = (next(), kind(next(), enums), access(next()), Release::parse(next()));
    let default = words.next().map_or_else(|| kind.zero(), |text| default(text, &kind));
    Field { name: name.to_owned(), kind, access, since, default }
}

fn access(word: &str) -> Access {
    match word {
        "RW" => Access::ReadWrite,
        "C" => Access::Constructor,
        "R" => Access::ReadOnly,
        "X" => Access::Removed,
        _ => panic!("the table of the data model knows no access `{word}`"),
    }
}

fn default(text: &str, kind: &Type) -> Value {
    let json = serde_json::from_str(text.trim_start_matches('=')).expect("defaults are JSON");
    kind.unmarshal(wire::from_json(json)).expect("a default is of its field's type")
}

fn call(line: &str, enums: &Enums<'_>) -> Call {
    let mut words = line.split(' ');
    let mut next = || words.next().expect("a call has a name, a version and a number");
    let (name, since, required) = (next(), Release::parse(next()), next().parse().expect("a number"));
    let parameters = words
        .map(|word| kind(word.split_once(':').expect("a parameter has a name and a type").1, enums))
        .collect();
    let needs_session = !name.ends_with('!');
    Call { name: name.trim_end_matches('!').to_owned(), since, required, needs_session, parameters }
}

/// Reads `set(ref.PIF)` and the like.
fn kind(text: &str, enums: &Enums<'_>) -> Type {
    if let Some(inner) = inside(text, "set(") {
        return Type::Set(Box::new(kind(inner, enums)));
    }
    if let Some(inner) = inside(text, "map(") {
        let (key, value) = inner.split_once(',').expect("a map has two types");
        return Type::Map(Box::new(kind(key, enums)), Box::new(kind(value, enums)));
    }
    if let Some(class) = text.strip_prefix("ref.") {
        return Type::Ref(class.to_owned());
    }
    if let Some(name) = text.strip_prefix("enum.") {
        return Type::Enum(enums.get(name).cloned().unwrap_or_default());
    }
    match text {
        "string" => Type::Text,
        "int" => Type::Int,
        "float" => Type::Float,
        "bool" => Type::Bool,
        "datetime" => Type::Date,
        "record" => Type::Record,
        _ => panic!("the table of the data model knows no type `{text}`"),
    }
}

fn inside<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    text.strip_prefix(prefix)?.strip_suffix(')')
}

#[cfg(test)]
mod tests {
    use crate::datamodel::{Version, class, classes};

    #[test]
    fn the_whole_table_can_be_read() {
        let names: Vec<&str> = classes().iter().map(|class| class.name.as_str()).collect();
        assert_eq!(names.len(), 16);
        assert!(names.contains(&"SDN_controller") && names.contains(&"tunnel"));
    }

    #[test]
    fn older_versions_have_fewer_fields() {
        let count = |version| class("pool").unwrap().fields_of(version).count();
        assert!(count(Version::V1_249) < count(Version::V23_4));
        assert!(count(Version::V23_4) < count(Version::V26_1));
    }
}
