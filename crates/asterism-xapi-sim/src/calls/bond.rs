//! Bonds: a master PIF that takes the address of one of its members.

use super::{
    Call,
    pif::{is_null, plug, unplug},
    tunnel::{self, create_rows, free_device},
    void,
};
use crate::{
    failure::{Answer, Failure},
    pool::Pool,
    value::{NULL, Value},
};

/// The settings that go from the primary member to the master, and back.
const SETTINGS: &[&str] = &[
    "ip_configuration_mode",
    "IP",
    "netmask",
    "gateway",
    "DNS",
    "ipv6_configuration_mode",
    "IPv6",
    "ipv6_gateway",
    "management",
];

pub(super) fn perform(call: &Call<'_>, name: &str) -> Option<Answer> {
    Some(match name {
        "create" => create(call),
        "destroy" => call.object("Bond", 0).and_then(|bond| destroy(call.pool, &bond)),
        _ => return None,
    })
}

fn create(call: &Call<'_>) -> Answer {
    let network = call.object("network", 0)?;
    let members = call.argument(1).as_texts();
    let pool = call.pool;
    for member in &members {
        if !pool.read(|database| database.has("PIF", member)) {
            return Err(Failure::handle_invalid("PIF", member));
        }
        if pool.read(|database| !is_null(database.text("PIF", member, "bond_slave_of"))) {
            return Err(Failure::new("PIF_ALREADY_BONDED", [member]));
        }
    }
    let Some(first) = members.first() else {
        return Err(Failure::new("PIF_BOND_NEEDS_MORE_MEMBERS", [""; 0]));
    };
    let host = pool.read(|database| database.text("PIF", first, "host").to_owned());
    pool.host(&host)?;
    if members.iter().any(|pif| pool.read(|database| database.text("PIF", pif, "host") != host)) {
        return Err(Failure::bare("PIF_BOND_CROSSES_HOST"));
    }
    let mode = Some(call.text(3)).filter(|mode| !mode.is_empty()).unwrap_or("balance-slb");
    let (bond, master) = pool.write(|database| {
        let has_address = |pif: &&String| database.text("PIF", pif, "ip_configuration_mode") != "None";
        let is_management = |pif: &&String| database.is_true("PIF", pif, "management");
        let primary =
            members.iter().find(is_management).or_else(|| members.iter().find(has_address)).unwrap_or(first);
        let given = call.text(2);
        let mac = if given.is_empty() { database.text("PIF", primary, "MAC") } else { given }.to_owned();
        let settings: Vec<_> =
            SETTINGS.iter().map(|field| (*field, database.get("PIF", primary, field).clone())).collect();
        let device = free_device(database, &host, "bond");
        let metrics = database.create("PIF_metrics", []);
        let own = [
            ("device", Value::text(device)),
            ("network", Value::text(&network)),
            ("host", Value::text(&host)),
            ("MAC", Value::text(mac)),
            ("MTU", Value::Int(-1)),
            ("VLAN", Value::Int(-1)),
            ("metrics", Value::text(metrics)),
            ("currently_attached", Value::Bool(false)),
            ("properties", Value::map([("gro", "on")])),
        ];
        let master = database.create("PIF", own.into_iter().chain(settings));
        if database.texts("PIF", &master, "IPv6").is_empty() {
            database.set("PIF", &master, "IPv6", Value::texts([""]));
        }
        let fields = [
            ("master", Value::text(&master)),
            ("primary_slave", Value::text(primary)),
            ("mode", Value::text(mode)),
            (
                "properties",
                if call.argument(4) == &Value::Null { Value::Map(vec![]) } else { call.argument(4).clone() },
            ),
        ];
        let bond = database.create("Bond", fields);
        for member in &members {
            database.set("PIF", member, "bond_slave_of", Value::text(&bond));
            for field in SETTINGS {
                let kind = &crate::datamodel::class("PIF").and_then(|class| class.field(field));
                let default = kind.map_or(Value::Null, |field| field.default.clone());
                database.set("PIF", member, field, default);
            }
            database.set("PIF", member, "currently_attached", Value::Bool(false));
        }
        (bond, master)
    });
    plug(pool, &master)?;
    Ok(Value::text(bond))
}

/// Tunnels over the bond are made anew on its primary member, with new references.
fn destroy(pool: &Pool, bond: &str) -> Answer {
    let (master, primary, members) = pool.read(|database| {
        let text = |field: &str| database.text("Bond", bond, field).to_owned();
        (text("master"), text("primary_slave"), database.texts("Bond", bond, "slaves"))
    });
    let tunnels = pool.read(|database| database.texts("PIF", &master, "tunnel_transport_PIF_of"));
    let mut moved = Vec::new();
    for tunnel in tunnels {
        let (network, protocol, was_attached) = pool.read(|database| {
            let access = database.text("tunnel", &tunnel, "access_PIF");
            let network = database.text("PIF", access, "network").to_owned();
            let was_attached = database.is_true("PIF", access, "currently_attached");
            (network, database.text("tunnel", &tunnel, "protocol").to_owned(), was_attached)
        });
        let (_, access) = pool.write(|database| create_rows(database, &primary, &network, &protocol));
        tunnel::destroy(pool, &tunnel)?;
        moved.extend(was_attached.then_some(access));
    }
    if !pool.read(|database| database.is_true("PIF", &master, "management")) {
        unplug(pool, &master)?;
    }
    pool.write(|database| {
        for field in SETTINGS {
            let value = database.get("PIF", &master, field).clone();
            database.set("PIF", &primary, field, value);
        }
        if database.text("PIF", &primary, "ipv6_configuration_mode") == "None" {
            database.set("PIF", &primary, "IPv6", Value::Set(Vec::new()));
        }
        for member in &members {
            database.set("PIF", member, "bond_slave_of", Value::text(NULL));
        }
        database.destroy("Bond", bond);
        database.destroy("PIF", &master);
    });
    for pif in members.iter().chain(&moved) {
        plug(pool, pif)?;
    }
    void()
}
