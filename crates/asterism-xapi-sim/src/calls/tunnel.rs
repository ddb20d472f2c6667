//! Tunnels: one for each host and network, with an access PIF whose bridge the host makes when it is plugged.

use super::{
    Call,
    pif::{is_null, plug, tunnel_of, unplug},
    void,
};
use crate::{
    database::Database,
    failure::{Answer, Failure},
    pool::Pool,
    value::Value,
};

pub(super) fn perform(call: &Call<'_>, name: &str) -> Option<Answer> {
    Some(match name {
        "create" => create(call),
        "destroy" => call.object("tunnel", 0).and_then(|tunnel| destroy(call.pool, &tunnel)),
        _ => return None,
    })
}

/// Where the plugging fails, the tunnel and its access PIF stay, as they do with a real xapi.
fn create(call: &Call<'_>) -> Answer {
    let transport = call.object("PIF", 0)?;
    let host = call.pool.read(|database| database.text("PIF", &transport, "host").to_owned());
    call.pool.host(&host)?;
    let network = call.object("network", 1)?;
    let protocol = Some(call.text(2)).filter(|protocol| !protocol.is_empty()).unwrap_or("gre");
    let (tunnel, access) = call.pool.write(|database| {
        check(database, &transport, &network)?;
        Ok(create_rows(database, &transport, &network, protocol))
    })?;
    plug(call.pool, &access)?;
    Ok(Value::text(tunnel))
}

pub(crate) fn destroy(pool: &Pool, tunnel: &str) -> Answer {
    let access = pool.read(|database| database.text("tunnel", tunnel, "access_PIF").to_owned());
    if pool.read(|database| database.has("PIF", &access)) {
        unplug(pool, &access)?;
    }
    pool.write(|database| {
        database.destroy("PIF", &access);
        database.destroy("tunnel", tunnel);
    });
    void()
}

/// The rules of a tunnel, in the order in which xapi looks at them.
fn check(database: &Database, transport: &str, network: &str) -> Result<(), Failure> {
    if !database.is_true("network", network, "managed") {
        return Err(Failure::new("NETWORK_UNMANAGED", [network]));
    }
    check_not_connected(database, database.text("PIF", transport, "host"), network)?;
    if !database.is_true("PIF", transport, "managed") {
        return Err(Failure::new("PIF_UNMANAGED", [transport]));
    }
    if !is_null(database.text("PIF", transport, "bond_slave_of")) {
        return Err(Failure::new("CANNOT_ADD_TUNNEL_TO_BOND_SLAVE", [transport]));
    }
    if tunnel_of(database, transport).is_some() {
        return Err(Failure::new("IS_TUNNEL_ACCESS_PIF", [transport]));
    }
    let backend = Value::text("openvswitch");
    let has_backend =
        |row: &crate::database::Row| row.get("software_version").get("network_backend") == Some(&backend);
    if !database.rows("host").all(|(_, row)| has_backend(row)) {
        return Err(Failure::bare("OPENVSWITCH_NOT_ACTIVE"));
    }
    Ok(())
}

/// A host has one PIF of a network at most.
pub(super) fn check_not_connected(database: &Database, host: &str, network: &str) -> Result<(), Failure> {
    let pifs = database.texts("network", network, "PIFs");
    match pifs.iter().find(|pif| database.text("PIF", pif, "host") == host) {
        Some(pif) => Err(Failure::new("NETWORK_ALREADY_CONNECTED", [host, pif])),
        None => Ok(()),
    }
}

/// Makes the rows of a tunnel and of its access PIF, unplugged. Answers both references.
pub(crate) fn create_rows(
    database: &mut Database,
    transport: &str,
    network: &str,
    protocol: &str,
) -> (String, String) {
    let host = database.text("PIF", transport, "host").to_owned();
    let metrics = database.text("PIF", transport, "metrics").to_owned();
    let device = free_device(database, &host, "tunnel");
    let mac = database.ids().mac();
    let access = database.create(
        "PIF",
        [
            ("device", Value::text(device)),
            ("network", Value::text(network)),
            ("host", Value::text(host)),
            ("MAC", Value::text(mac)),
            ("MTU", Value::Int(-1)),
            ("VLAN", Value::Int(-1)),
            ("metrics", Value::text(metrics)),
            ("physical", Value::Bool(false)),
            ("currently_attached", Value::Bool(false)),
            ("IPv6", Value::texts([""])),
        ],
    );
    let tunnel = database.create(
        "tunnel",
        [
            ("access_PIF", Value::text(&access)),
            ("transport_PIF", Value::text(transport)),
            ("protocol", Value::text(protocol)),
        ],
    );
    (tunnel, access)
}

/// The first name of a kind that no PIF of the host has: `tunnel0`, `bond1`.
pub(super) fn free_device(database: &Database, host: &str, kind: &str) -> String {
    let pifs = database.texts("host", host, "PIFs");
    let used: Vec<&str> = pifs.iter().map(|pif| database.text("PIF", pif, "device")).collect();
    (0_u64..)
        .map(|number| format!("{kind}{number}"))
        .find(|name| !used.contains(&name.as_str()))
        .expect("there are more numbers than PIFs")
}
