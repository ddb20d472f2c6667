//! Calls as tasks: `Async.PIF.plug` answers a task at once, and a thread of its own carries the call out.

use std::{sync::Arc, thread};

use super::{Call, perform};
use crate::{
    datamodel::{Method, Verb},
    failure::Answer,
    pool::Pool,
    value::Value,
    wire,
};

/// How a call is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Plain,
    Task,
}

/// How a method is called, and its name without that.
pub(super) fn mode(method: &str) -> (Mode, &str) {
    let rest = method.strip_prefix("Async.").or_else(|| method.strip_prefix("InternalAsync."));
    rest.map_or((Mode::Plain, method), |name| (Mode::Task, name))
}

/// Whether a method can be a task: those of its class's own can, apart from those about sessions, events and tasks.
pub(super) fn has_task(method: &Method) -> bool {
    matches!(method.verb, Verb::Call(_))
        && !["session", "event", "task"].contains(&method.class.name.as_str())
}

/// Starts a task, and answers its reference.
pub(super) fn start(call: &Call<'_>, name: &str, method: &Method) -> Value {
    let created = call.pool.clock.date();
    let fields = [
        ("name_label", Value::text(name)),
        ("created", Value::Date(created)),
        ("status", Value::text("pending")),
        ("resident_on", Value::text(call.host)),
        ("type", Value::text("<none/>")),
    ];
    let task = call.pool.write(|database| database.create("task", fields));
    let (pool, host, session) = (Arc::clone(call.pool), call.host.to_owned(), call.session.clone());
    let (arguments, method, reference) = (call.arguments.clone(), method.clone(), task.clone());
    let work = move || {
        let call = Call { pool: &pool, host: &host, session, arguments };
        let answer = perform(&call, &method);
        finish(&pool, &reference, answer);
    };
    if let Err(error) = thread::Builder::new().name("xapi-task".to_owned()).spawn(work) {
        tracing::warn!(%error, "no thread for a task");
    }
    Value::text(task)
}

fn finish(pool: &Pool, task: &str, answer: Answer) {
    let finished = pool.clock.date();
    pool.write(|database| {
        let mut set = |field: &str, value: Value| database.set("task", task, field, value);
        set("progress", Value::Float(1.0));
        set("finished", Value::Date(finished));
        match answer {
            Ok(value) => {
                set("result", Value::text(wire::to_xml(&value)));
                set("status", Value::text("success"));
            }
            Err(failure) => {
                let info = std::iter::once(failure.code).chain(failure.parameters);
                set("error_info", Value::texts(info));
                set("backtrace", Value::text("(((process xapi)(filename simulator)(line 1)))"));
                set("status", Value::text("failure"));
            }
        }
    });
}
