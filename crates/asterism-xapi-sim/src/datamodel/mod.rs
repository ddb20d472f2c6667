//! XAPI's data model: the classes that a private network touches, their fields and their calls.
//!
//! Pure; read once from `table.txt` beside this file, in the words of the XenAPI data model: `class`, then `field` (name, type,
//! access, since, default), `enum` (name, values), `call` (name, since, number of required parameters, parameters; `!` where
//! no session is needed). Getters, setters and record calls follow from the fields, and are not in the table. What the
//! calls do stands in `calls`.

mod methods;
mod table;
mod types;
mod version;

use std::sync::OnceLock;

pub(crate) use methods::{Method, Methods, Verb};
pub use types::Type;
pub(crate) use version::Release;
pub use version::Version;

use crate::value::Value;

/// A class of objects.
#[derive(Debug)]
pub struct Class {
    /// The name, as in calls: `PIF`.
    pub name: String,
    /// Its fields, in the order of records.
    pub fields: Vec<Field>,
    /// Its calls, apart from those that follow from the fields.
    pub(crate) calls: Vec<Call>,
}

/// A field of a class.
#[derive(Debug)]
pub struct Field {
    /// The name, as in records: `name_label`.
    pub name: String,
    /// Its type.
    pub kind: Type,
    pub(crate) access: Access,
    pub(crate) since: Release,
    pub(crate) default: Value,
}

/// Who writes a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Clients, by setters.
    ReadWrite,
    /// Clients, when they create the object.
    Constructor,
    /// XAPI.
    ReadOnly,
    /// Nobody: it still stands in records, and its getter answers MESSAGE_REMOVED.
    Removed,
}

/// A call that does more than read or write a field.
#[derive(Debug)]
pub(crate) struct Call {
    pub name: String,
    pub since: Release,
    pub required: usize,
    pub needs_session: bool,
    pub parameters: Vec<Type>,
}

/// The model of all versions; what a version has of it is chosen by `since`.
pub fn classes() -> &'static [Class] {
    static CLASSES: OnceLock<Vec<Class>> = OnceLock::new();
    CLASSES.get_or_init(|| table::parse(include_str!("table.txt")))
}

/// A class by its exact name.
pub fn class(name: &str) -> Option<&'static Class> {
    classes().iter().find(|class| class.name == name)
}

impl Class {
    /// The fields that records of the version have.
    pub fn fields_of(&self, version: Version) -> impl Iterator<Item = &Field> {
        let release = version.release();
        self.fields.iter().filter(move |field| field.since <= release)
    }

    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Whether there are `get_all` and `get_all_records`. Sessions are secret, events are not stored.
    pub(crate) fn is_listed(&self) -> bool {
        self.name != "session" && self.name != "event"
    }
}

impl Field {
    /// The name in the database, which `get_all_records_where` takes: namespaces are parted by two underscores.
    pub(crate) fn database_name(&self) -> String {
        const NAMESPACES: &[&str] =
            &["name", "memory", "VCPUs", "actions", "PV", "HVM", "qos", "API_version", "io"];
        for namespace in NAMESPACES {
            if let Some(rest) = self.name.strip_prefix(namespace).and_then(|rest| rest.strip_prefix('_')) {
                return format!("{namespace}__{rest}");
            }
        }
        self.name.clone()
    }
}
