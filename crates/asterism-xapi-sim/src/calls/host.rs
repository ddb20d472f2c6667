//! Hosts: maintenance, removal, plugins.

use super::{Call, void};
use crate::{
    failure::{Answer, Failure},
    pool::Pool,
    value::Value,
};

pub(super) fn perform(call: &Call<'_>, name: &str) -> Option<Answer> {
    let host = || call.object("host", 0);
    Some(match name {
        "disable" => host().and_then(|host| enable(call.pool, &host, false)),
        "enable" => host().and_then(|host| enable(call.pool, &host, true)),
        "destroy" => host().and_then(|host| destroy(call.pool, &host)),
        "get_servertime" => host().map(|_| Value::Date(call.pool.clock.date())),
        "get_server_localtime" => host().map(|_| Value::Date(call.pool.clock.date())),
        "get_management_interface" => host().and_then(|host| management_interface(call.pool, &host)),
        "call_plugin" => call_plugin(call),
        "set_hostname_live" => host().and_then(|host| {
            call.pool.write(|database| database.set("host", &host, "hostname", call.argument(1).clone()));
            void()
        }),
        _ => return None,
    })
}

fn enable(pool: &Pool, host: &str, is_enabled: bool) -> Answer {
    pool.host(host)?;
    pool.write(|database| database.set("host", host, "enabled", Value::Bool(is_enabled)));
    void()
}

/// Only the host's row goes at once; PIFs, tunnels and metrics dangle until the garbage is collected.
pub(crate) fn destroy(pool: &Pool, host: &str) -> Answer {
    pool.write(|database| {
        if database.is_live(host) {
            return Err(Failure::new("HOST_IS_LIVE", [host]));
        }
        for vm in database.texts("host", host, "resident_VMs") {
            database.set("VM", &vm, "resident_on", Value::null_ref());
            database.set("VM", &vm, "power_state", Value::text("Halted"));
        }
        database.destroy("host", host);
        let pool = database.pool();
        database.touch("pool", &pool);
        void()
    })
}

fn management_interface(pool: &Pool, host: &str) -> Answer {
    let found = pool.read(|database| {
        let pifs = database.texts("host", host, "PIFs");
        pifs.into_iter().find(|pif| database.is_true("PIF", pif, "management"))
    });
    found.map(Value::text).ok_or_else(|| Failure::bare("HOST_HAS_NO_MANAGEMENT_IP"))
}

fn call_plugin(call: &Call<'_>) -> Answer {
    let host = call.pool.host(call.text(0))?;
    let (plugin, function) = (call.text(1), call.text(2));
    let arguments: Vec<(String, String)> = call
        .argument(3)
        .entries()
        .iter()
        .map(|(key, value)| (key.clone(), value.as_text().to_owned()))
        .collect();
    match call.pool.agent.plugin(&host, plugin, function, &arguments) {
        Some(answer) => answer.map(Value::text),
        None => Err(Failure::new("XENAPI_MISSING_PLUGIN", [plugin])),
    }
}
