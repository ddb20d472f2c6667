//! The SDN controller that all hosts of the pool are told of. There is one at most.

use std::net::Ipv4Addr;

use super::{Call, void};
use crate::{
    agent::{SdnController, SdnMode},
    failure::{Answer, Failure},
    pool::Pool,
    value::Value,
};

/// The name under which the controllers' CA must be installed.
pub(super) const AUTHORITY: &str = "sdn-controller-ca.pem";
const PORT_DEFAULT: i64 = 6632;

pub(super) fn perform(call: &Call<'_>, name: &str) -> Option<Answer> {
    Some(match name {
        "introduce" => {
            let protocol = Some(call.text(0)).filter(|protocol| !protocol.is_empty()).unwrap_or("ssl");
            introduce(call.pool, protocol, call.text(1), call.argument(2).as_int()).map(Value::text)
        }
        "forget" => call.object("SDN_controller", 0).and_then(|controller| {
            forget(call.pool, &controller);
            void()
        }),
        _ => return None,
    })
}

pub(super) fn introduce(pool: &Pool, protocol: &str, address: &str, port: i64) -> Result<String, Failure> {
    const CONFIGURED: &str = "SDN controller has been configured. Please forget it first.";
    let controller = pool.write(|database| {
        if database.rows("SDN_controller").next().is_some() {
            return Err(Failure::not_allowed(CONFIGURED));
        }
        let port = check(protocol, address, port)?;
        let fields = [
            ("protocol", Value::text(protocol)),
            ("address", Value::text(address)),
            ("port", Value::Int(port)),
        ];
        Ok(database.create("SDN_controller", fields))
    })?;
    tell_all(pool);
    Ok(controller)
}

pub(super) fn forget(pool: &Pool, controller: &str) {
    pool.write(|database| database.destroy("SDN_controller", controller));
    tell_all(pool);
}

/// The port to keep, or what is wrong with the arguments.
fn check(protocol: &str, address: &str, port: i64) -> Result<i64, Failure> {
    if protocol == "pssl" {
        return match (address, port) {
            ("", 0) => Ok(0),
            ("", port) => Err(Failure::invalid_value("port", &port.to_string())),
            (address, _) => Err(Failure::invalid_value("address", address)),
        };
    }
    if address.is_empty() {
        return Err(Failure::invalid_value("address", ""));
    }
    if address.parse::<Ipv4Addr>().is_err() {
        return Err(Failure::new("INVALID_IP_ADDRESS_SPECIFIED", ["address"]));
    }
    match port {
        0 => Ok(PORT_DEFAULT),
        1..=65_535 => Ok(port),
        _ => {
            let parameters = ["port".to_owned(), port.to_string(), "Port out of range".to_owned()];
            Err(Failure::new("VALUE_NOT_SUPPORTED", parameters))
        }
    }
}

/// Has each live host run the plugin `openvswitch-config-update`.
fn tell_all(pool: &Pool) {
    for host in pool.read(|database| database.refs("host")) {
        tell_host(pool, &host);
    }
}

/// Has a host run the plugin `openvswitch-config-update`. Errors are logged, and hidden from the caller, as xapi does.
pub(crate) fn tell_host(pool: &Pool, host: &str) {
    let agent_host = match pool.host(host) {
        Ok(agent_host) => agent_host,
        Err(failure) => {
            tracing::debug!(host, %failure, "not told of the SDN controller");
            return;
        }
    };
    let authority =
        pool.lock().machines.get(host).and_then(|machine| machine.certificates.get(AUTHORITY).cloned());
    let controller = pool.read(|database| {
        let (_, row) = database.rows("SDN_controller").next()?;
        let mode = match row.text("protocol") {
            "pssl" => SdnMode::Passive,
            _ => SdnMode::Active { address: row.text("address").to_owned(), port: row.get("port").as_int() },
        };
        Some(SdnController { mode, authority })
    });
    if let Err(error) = pool.agent.sdn_controller(&agent_host, controller.as_ref()) {
        tracing::warn!(host = %agent_host.name, %error, "the host was not told of the SDN controller");
    }
}
