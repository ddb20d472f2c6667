//! Calls that follow from the data model: reading records and fields, and writing fields.

use super::{Call, void};
use crate::{
    database::{Database, Expression},
    datamodel::{Access, Class, Field, Verb},
    failure::{Answer, Failure},
    value::Value,
};

pub(super) fn perform(call: &Call<'_>, class: &'static Class, verb: &Verb) -> Answer {
    let name = class.name.as_str();
    match verb {
        Verb::GetAll => Ok(Value::texts(call.pool.read(|database| database.refs(name)))),
        Verb::GetAllRecords => Ok(call.pool.read(|database| records(database, name, &Expression::True))?),
        Verb::GetAllRecordsWhere => {
            let expression = Expression::parse(call.text(0))?;
            Ok(call.pool.read(|database| records(database, name, &expression))?)
        }
        Verb::GetRecord => {
            let reference = call.object(name, 0)?;
            let record = call.pool.read(|database| database.record(name, &reference));
            record.ok_or_else(|| Failure::handle_invalid(name, &reference))
        }
        Verb::GetByUuid => {
            let found = call.pool.read(|database| database.find(name, "uuid", call.argument(0)));
            found.map(Value::text).ok_or_else(|| Failure::new("UUID_INVALID", [name, call.text(0)]))
        }
        Verb::GetByNameLabel => call.pool.read(|database| {
            let rows = database.rows(name).filter(|(_, row)| row.text("name_label") == call.text(0));
            Ok(Value::texts(rows.map(|(reference, _)| reference)))
        }),
        Verb::Get(field) if field.access == Access::Removed => Err(Failure::bare("MESSAGE_REMOVED")),
        Verb::Get(field) => {
            let reference = call.object(name, 0)?;
            Ok(call.pool.read(|database| database.get(name, &reference, &field.name).clone()))
        }
        Verb::Set(field) => write(call, name, field, |_| Ok(call.argument(1).clone())),
        Verb::AddTo(field) => write(call, name, field, |old| {
            let mut entries = old.entries().to_vec();
            if entries.iter().any(|(key, _)| key == call.text(1)) {
                let parameters = [name, &field.name, call.text(0), call.text(1)];
                return Err(Failure::new("MAP_DUPLICATE_KEY", parameters));
            }
            entries.push((call.text(1).to_owned(), call.argument(2).clone()));
            entries.sort_by(|one, other| one.0.cmp(&other.0));
            Ok(Value::Map(entries))
        }),
        Verb::RemoveFrom(field) => write(call, name, field, |old| {
            Ok(Value::Map(old.entries().iter().filter(|(key, _)| key != call.text(1)).cloned().collect()))
        }),
        Verb::Add(field) => write(call, name, field, |old| {
            let mut members = old.members().to_vec();
            if !members.contains(call.argument(1)) {
                members.insert(0, call.argument(1).clone());
            }
            Ok(Value::Set(members))
        }),
        Verb::Remove(field) => write(call, name, field, |old| {
            Ok(Value::Set(
                old.members().iter().filter(|member| *member != call.argument(1)).cloned().collect(),
            ))
        }),
        Verb::Call(_) => void(),
    }
}

fn records(database: &Database, class: &str, expression: &Expression) -> Answer {
    let mut records = Vec::new();
    for (reference, row) in database.rows(class) {
        if expression.holds(class, database.version(), row)? {
            records.push((reference.to_owned(), database.record(class, reference).unwrap_or(Value::Null)));
        }
    }
    Ok(Value::Map(records))
}

/// Replaces a field's value in one step, so that two writers cannot lose each other's keys.
fn write(
    call: &Call<'_>,
    class: &str,
    field: &Field,
    change: impl FnOnce(&Value) -> Result<Value, Failure>,
) -> Answer {
    let reference = call.object(class, 0)?;
    call.pool.write(|database| {
        let value = change(database.get(class, &reference, &field.name))?;
        if value.entries().iter().any(|(key, _)| key.is_empty()) {
            return Err(Failure::internal("Db_exn.Empty_key_in_map"));
        }
        database.set(class, &reference, &field.name, value);
        void()
    })
}
