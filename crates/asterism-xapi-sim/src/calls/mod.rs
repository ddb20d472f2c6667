//! What calls do. Here: the checks that all of them share, in xapi's order, and who carries out which call.
//!
//! The order is: number of parameters, session, whether the method exists, types of parameters; what follows is the call's
//! own. A call reads and writes the database in short steps, and has agents work between them.

mod asynchronous;
mod bond;
mod certificate;
mod event;
mod generic;
mod host;
mod network;
pub(crate) mod pif;
mod pool;
mod sdn_controller;
mod session;
mod task;
mod tunnel;
pub(crate) mod vif;
mod vlan;
pub(crate) mod vm;

use std::sync::Arc;

pub(crate) use host::destroy as destroy_host;
pub(crate) use sdn_controller::tell_host as tell_host_of_controller;
pub(crate) use tunnel::{create_rows as create_tunnel_rows, destroy as destroy_tunnel};
pub(crate) use vm::halt as halt_vm;

use crate::{
    datamodel::{Class, Method, Verb},
    failure::{Answer, Failure},
    pool::Pool,
    value::Value,
};

/// A call that is not answered with a value.
#[derive(Debug, PartialEq)]
pub(crate) enum Refusal {
    /// The usual way.
    Failure(Failure),
    /// Text with a character that XML forbids: the answer has an odd form.
    BadCharacter(Failure),
    /// The connection ends.
    HangUp,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Refusal {
        Refusal::Failure(failure)
    }
}

/// A call whose parameters have been checked.
pub(crate) struct Call<'a> {
    pub(crate) pool: &'a Arc<Pool>,
    /// The host that was asked.
    pub(crate) host: &'a str,
    /// The session's reference; empty where none is needed.
    pub(crate) session: String,
    /// The arguments, the session not among them.
    pub(crate) arguments: Vec<Value>,
}

impl Call<'_> {
    /// An argument; `Null` where it was left out.
    pub(crate) fn argument(&self, index: usize) -> &Value {
        self.arguments.get(index).unwrap_or(&Value::Null)
    }

    /// The text of an argument; empty where it was left out.
    pub(crate) fn text(&self, index: usize) -> &str {
        self.argument(index).as_text()
    }

    /// An argument that must refer to a row of the class.
    pub(crate) fn object(&self, class: &str, index: usize) -> Result<String, Failure> {
        let reference = self.text(index);
        if self.pool.read(|database| database.has(class, reference)) {
            Ok(reference.to_owned())
        } else {
            Err(Failure::handle_invalid(class, reference))
        }
    }
}

/// Carries out a call that came to a host.
pub(crate) fn serve(
    pool: &Arc<Pool>,
    host: &str,
    method: &str,
    parameters: Vec<Value>,
) -> Result<Value, Refusal> {
    if let Some(text) = parameters.iter().find_map(forbidden_text) {
        let parameters = ["Invalid UTF-8 string in parameter".to_owned(), format!("S({text})")];
        return Err(Refusal::BadCharacter(Failure::new("INVALID_VALUE", parameters)));
    }
    session::check_emergency(pool, host, method)?;
    if method == "system.listMethods" {
        return Ok(Value::texts(pool.methods.names()));
    }
    let (mode, name) = asynchronous::mode(method);
    let Some(found) = pool.methods.get(name) else {
        if let Some(session) = parameters.first() {
            session::check(pool, host, method, session)?;
        }
        return Err(Failure::new("MESSAGE_METHOD_UNKNOWN", [name]).into());
    };
    check_count(found, name, parameters.len())?;
    let mut parameters = parameters.into_iter();
    let session = match parameters.next() {
        Some(session) if found.needs_session => session::check(pool, host, method, &session)?,
        first => {
            parameters = first.into_iter().chain(parameters).collect::<Vec<_>>().into_iter();
            String::new()
        }
    };
    if mode == asynchronous::Mode::Task && !asynchronous::has_task(found) {
        let text = format!("No async mode for this operation (rpc: {name})");
        return Err(Failure::new("Fault", [text]).into());
    }
    let arguments = found.parameters.iter().zip(parameters).map(|(kind, value)| kind.unmarshal(value));
    let arguments = arguments.collect::<Result<Vec<_>, _>>()?;
    let call = Call { pool, host, session, arguments };
    match mode {
        asynchronous::Mode::Plain => Ok(perform(&call, found)?),
        asynchronous::Mode::Task => Ok(asynchronous::start(&call, method, found)),
    }
}

/// Carries out a call whose parameters have been checked.
fn perform(call: &Call<'_>, method: &Method) -> Answer {
    match method.verb {
        Verb::Call(name) => perform_own(call, method.class, name),
        Verb::GetAll
        | Verb::GetAllRecords
        | Verb::GetAllRecordsWhere
        | Verb::GetRecord
        | Verb::GetByUuid
        | Verb::GetByNameLabel
        | Verb::Get(_)
        | Verb::Set(_)
        | Verb::AddTo(_)
        | Verb::RemoveFrom(_)
        | Verb::Add(_)
        | Verb::Remove(_) => generic::perform(call, method.class, &method.verb),
    }
}

fn perform_own(call: &Call<'_>, class: &'static Class, name: &str) -> Answer {
    let answer = match class.name.as_str() {
        "session" => session::perform(call, name),
        "pool" => pool::perform(call, name),
        "host" => host::perform(call, name),
        "network" => network::perform(call, name),
        "PIF" => pif::perform(call, name),
        "tunnel" => tunnel::perform(call, name),
        "SDN_controller" => sdn_controller::perform(call, name),
        "Bond" => bond::perform(call, name),
        "VLAN" => vlan::perform(call, name),
        "VIF" => vif::perform(call, name),
        "VM" => vm::perform(call, name),
        "task" => task::perform(call, name),
        "event" => event::perform(call, name),
        _ => None,
    };
    answer.unwrap_or_else(|| match named_field(class, name) {
        Some(verb) => generic::perform(call, class, &verb),
        None => Err(Failure::new("NOT_IMPLEMENTED", [format!("{}.{name}", class.name)])),
    })
}

/// Setters that stand in the table as calls of their own, and do no more here than write their field.
fn named_field(class: &'static Class, name: &str) -> Option<Verb> {
    let field = |prefix: &str| class.field(name.strip_prefix(prefix)?);
    field("set_")
        .map(Verb::Set)
        .or_else(|| field("add_to_").map(Verb::AddTo))
        .or_else(|| field("remove_from_").map(Verb::RemoveFrom))
        .or_else(|| field("add_").map(Verb::Add))
        .or_else(|| field("remove_").map(Verb::Remove))
}

fn check_count(method: &Method, name: &str, given: usize) -> Result<(), Failure> {
    let session = usize::from(method.needs_session);
    // Methods with optional parameters ignore what is too much.
    let is_too_much = given > method.parameters.len() + session && method.parameters.len() == method.required;
    if given >= method.required + session && !is_too_much {
        return Ok(());
    }
    let received = i64::try_from(given).unwrap_or(i64::MAX) - i64::from(method.needs_session);
    let parameters = [name.to_owned(), method.required.to_string(), received.to_string()];
    Err(Failure::new("MESSAGE_PARAMETER_COUNT_MISMATCH", parameters))
}

/// A text in the value that holds a character which XML forbids.
fn forbidden_text(value: &Value) -> Option<&str> {
    let is_forbidden = |one: char| (one < ' ' && !['\t', '\n', '\r'].contains(&one)) || one == '\u{fffe}';
    match value {
        Value::Text(text) | Value::Date(text) => text.contains(is_forbidden).then_some(text),
        Value::Set(members) => members.iter().find_map(forbidden_text),
        Value::Map(entries) => entries.iter().find_map(|(_, value)| forbidden_text(value)),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Int32(_) | Value::Float(_) => None,
    }
}

/// The fields of a constructor's record: those that clients may give, of their types. `required` are those without a
/// default, which must be there.
pub(crate) fn constructor(
    class: &'static str,
    record: &Value,
    required: &[&str],
) -> Result<Vec<(&'static str, Value)>, Failure> {
    let class = crate::datamodel::class(class).expect("our own calls name classes that are there");
    let mut fields = Vec::new();
    for field in &class.fields {
        use crate::datamodel::Access;
        if !matches!(field.access, Access::ReadWrite | Access::Constructor) {
            continue;
        }
        match record.get(&field.name) {
            Some(value) => fields.push((field.name.as_str(), field.kind.unmarshal(value.clone())?)),
            None if required.contains(&field.name.as_str()) => {
                let text = format!("Server_helpers.Dispatcher_FieldNotFound(\"{}\")", field.name);
                return Err(Failure::internal(text));
            }
            None => {}
        }
    }
    Ok(fields)
}

/// What void calls answer.
pub(crate) fn void() -> Answer {
    Ok(Value::void())
}
