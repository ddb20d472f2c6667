//! All methods that a version answers, by name: those of the table, and those that follow from the fields.
//!
//! Pure. Says how many parameters each one takes and of which types; `calls` carries them out.

use std::collections::BTreeMap;

use super::{Access, Class, Field, Type, Version, classes};

/// A method of the API.
#[derive(Clone, Debug)]
pub(crate) struct Method {
    pub class: &'static Class,
    pub verb: Verb,
    /// How many parameters it must have, the session not counted.
    pub required: usize,
    pub parameters: Vec<Type>,
    pub needs_session: bool,
}

/// What a method does.
#[derive(Clone, Debug)]
pub(crate) enum Verb {
    GetAll,
    GetAllRecords,
    GetAllRecordsWhere,
    GetRecord,
    GetByUuid,
    GetByNameLabel,
    Get(&'static Field),
    Set(&'static Field),
    AddTo(&'static Field),
    RemoveFrom(&'static Field),
    Add(&'static Field),
    Remove(&'static Field),
    /// A call of its own, by its name within the class.
    Call(&'static str),
}

/// The methods of one version.
#[derive(Debug)]
pub(crate) struct Methods(BTreeMap<String, Method>);

impl Methods {
    pub(crate) fn of(version: Version) -> Methods {
        let mut methods = Methods(BTreeMap::new());
        for class in classes() {
            for field in class.fields_of(version) {
                methods.add_field(class, field);
            }
            methods.add_records(class);
            for call in class.calls.iter().filter(|call| call.since <= version.release()) {
                let (verb, parameters) = (Verb::Call(&call.name), call.parameters.clone());
                let (required, needs_session) = (call.required, call.needs_session);
                let method = Method { class, verb, required, parameters, needs_session };
                methods.0.insert(format!("{}.{}", class.name, call.name), method);
            }
        }
        methods
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Method> {
        self.0.get(name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn add_field(&mut self, class: &'static Class, field: &'static Field) {
        self.add(class, &format!("get_{}", field.name), Verb::Get(field), &[]);
        if field.access != Access::ReadWrite {
            return;
        }
        self.add(class, &format!("set_{}", field.name), Verb::Set(field), std::slice::from_ref(&field.kind));
        match &field.kind {
            Type::Map(key, value) => {
                let parameters = [(**key).clone(), (**value).clone()];
                self.add(class, &format!("add_to_{}", field.name), Verb::AddTo(field), &parameters);
                self.add(
                    class,
                    &format!("remove_from_{}", field.name),
                    Verb::RemoveFrom(field),
                    &parameters[..1],
                );
            }
            Type::Set(member) => {
                let parameters = [(**member).clone()];
                self.add(class, &format!("add_{}", field.name), Verb::Add(field), &parameters);
                self.add(class, &format!("remove_{}", field.name), Verb::Remove(field), &parameters);
            }
            Type::Text
            | Type::Int
            | Type::Float
            | Type::Bool
            | Type::Date
            | Type::Ref(_)
            | Type::Enum(_)
            | Type::Record => {}
        }
    }

    fn add_records(&mut self, class: &'static Class) {
        if class.name == "event" {
            return;
        }
        self.add(class, "get_record", Verb::GetRecord, &[]);
        self.add_plain(class, "get_by_uuid", Verb::GetByUuid, vec![Type::Text]);
        if class.is_listed() {
            self.add_plain(class, "get_all", Verb::GetAll, vec![]);
            self.add_plain(class, "get_all_records", Verb::GetAllRecords, vec![]);
            self.add_plain(class, "get_all_records_where", Verb::GetAllRecordsWhere, vec![Type::Text]);
        }
        // Of the pool there is one: it needs no name to be found.
        if class.field("name_label").is_some() && class.name != "pool" {
            self.add_plain(class, "get_by_name_label", Verb::GetByNameLabel, vec![Type::Text]);
        }
    }

    /// Adds a method of an object: its first parameter is the object.
    fn add(&mut self, class: &'static Class, name: &str, verb: Verb, more: &[Type]) {
        let mut parameters = vec![Type::Ref(class.name.clone())];
        parameters.extend_from_slice(more);
        self.add_plain(class, name, verb, parameters);
    }

    fn add_plain(&mut self, class: &'static Class, name: &str, verb: Verb, parameters: Vec<Type>) {
        let method = Method { class, verb, required: parameters.len(), parameters, needs_session: true };
        self.0.insert(format!("{}.{name}", class.name), method);
    }
}
