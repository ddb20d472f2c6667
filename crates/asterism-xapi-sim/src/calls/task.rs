//! Tasks made by hand. Tasks of calls are made in `asynchronous`.

use super::{Call, void};
use crate::{failure::Answer, value::Value};

pub(super) fn perform(call: &Call<'_>, name: &str) -> Option<Answer> {
    Some(match name {
        "create" => Ok(create(call)),
        "destroy" => destroy(call),
        "cancel" => call.object("task", 0).and_then(|_| void()),
        _ => return None,
    })
}

fn create(call: &Call<'_>) -> Value {
    let fields = [
        ("name_label", call.argument(0).clone()),
        ("name_description", call.argument(1).clone()),
        ("created", Value::Date(call.pool.clock.date())),
        ("status", Value::text("pending")),
        ("resident_on", Value::text(call.host)),
        ("type", Value::text("<none/>")),
    ];
    Value::text(call.pool.write(|database| database.create("task", fields)))
}

fn destroy(call: &Call<'_>) -> Answer {
    let task = call.object("task", 0)?;
    call.pool.write(|database| database.destroy("task", &task));
    void()
}
