//! PIFs: plugging makes the bridge on the host, unplugging destroys it, and addresses change.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Call, void};
use crate::{
    agent::{Bridge, BridgeKind},
    database::Database,
    failure::{Answer, Failure},
    pool::Pool,
    value::{NULL, Value},
};

pub(super) fn perform(call: &Call<'_>, name: &str) -> Option<Answer> {
    let pif = || call.object("PIF", 0);
    Some(match name {
        "plug" => pif().and_then(|pif| plug(call.pool, &pif)).and_then(|()| void()),
        "unplug" => pif().and_then(|pif| unplug(call.pool, &pif)).and_then(|()| void()),
        "forget" => pif().and_then(|pif| forget(call.pool, &pif)),
        "destroy" => pif().and_then(|pif| destroy(call.pool, &pif)),
        "reconfigure_ip" => pif().and_then(|pif| reconfigure_ip(call, &pif)),
        "reconfigure_ipv6" => pif().and_then(|pif| reconfigure_ipv6(call, &pif)),
        "scan" => void(),
        _ => return None,
    })
}

/// Makes the bridge of a PIF on its host; what the PIF stands on is plugged first.
pub(crate) fn plug(pool: &Pool, pif: &str) -> Result<(), Failure> {
    let host = pool.host(&pool.read(|database| database.text("PIF", pif, "host").to_owned()))?;
    let (transport, tagged, bridge, is_vxlan) = pool.read(|database| {
        let tunnel = tunnel_of(database, pif);
        let transport =
            tunnel.as_ref().map(|tunnel| database.text("tunnel", tunnel, "transport_PIF").to_owned());
        let vlan = database.text("PIF", pif, "VLAN_master_of");
        let tagged =
            Some(database.text("VLAN", vlan, "tagged_PIF").to_owned()).filter(|tagged| !tagged.is_empty());
        let is_vxlan = tunnel.is_some_and(|tunnel| database.text("tunnel", &tunnel, "protocol") == "vxlan");
        (transport, tagged, bridge(database, pif), is_vxlan)
    });
    if let Some(transport) = transport {
        if !pool.read(|database| has_address(database, &transport)) {
            return Err(Failure::new("TRANSPORT_PIF_NOT_CONFIGURED", [transport]));
        }
        plug(pool, &transport)?;
    }
    if let Some(tagged) = tagged {
        plug(pool, &tagged)?;
    }
    pool.agent.bridge_up(&host, &bridge).map_err(|error| Failure::internal(error.0))?;
    if is_vxlan && let Err(error) = pool.agent.vxlan_port(&host, true) {
        tracing::warn!(host = %host.name, %error, "UDP 4789 stays closed");
    }
    pool.write(|database| {
        database.set("PIF", pif, "currently_attached", Value::Bool(true));
        database.set("PIF", pif, "MTU", Value::Int(bridge.mtu));
        if !matches!(bridge.kind, BridgeKind::Vlan { .. }) {
            database.set("PIF", pif, "igmp_snooping_status", Value::text("disabled"));
        }
    });
    Ok(())
}

/// Destroys the bridge of a PIF, with those that stand on it as tunnels.
pub(crate) fn unplug(pool: &Pool, pif: &str) -> Result<(), Failure> {
    let host = pool.read(|database| database.text("PIF", pif, "host").to_owned());
    let agent_host = pool.host(&host)?;
    pool.read(|database| check_unplug(database, pif))?;
    let accesses: Vec<String> = pool.read(|database| {
        let tunnels = database.texts("PIF", pif, "tunnel_transport_PIF_of");
        tunnels.iter().map(|tunnel| database.text("tunnel", tunnel, "access_PIF").to_owned()).collect()
    });
    for access in accesses {
        unplug(pool, &access)?;
    }
    let bridge = pool.read(|database| bridge(database, pif).name);
    pool.agent.bridge_down(&agent_host, &bridge).map_err(|error| Failure::internal(error.0))?;
    let vxlan_ends = pool.write(|database| {
        let had = is_vxlan_used(database, &host);
        database.set("PIF", pif, "currently_attached", Value::Bool(false));
        had && !is_vxlan_used(database, &host)
    });
    if vxlan_ends && let Err(error) = pool.agent.vxlan_port(&agent_host, false) {
        tracing::warn!(host = %agent_host.name, %error, "UDP 4789 stays open");
    }
    Ok(())
}

/// The bridge that a PIF stands for.
pub(crate) fn bridge(database: &Database, pif: &str) -> Bridge {
    let text = |field: &str| database.text("PIF", pif, field).to_owned();
    let network = text("network");
    let tag = database.get("PIF", pif, "VLAN").as_int();
    let kind = if tunnel_of(database, pif).is_some() {
        BridgeKind::Tunnel
    } else if tag >= 0 {
        let tagged = database.text("VLAN", &text("VLAN_master_of"), "tagged_PIF");
        let parent = database.text("network", database.text("PIF", tagged, "network"), "bridge");
        BridgeKind::Vlan { parent: parent.to_owned(), tag }
    } else {
        BridgeKind::Uplink { device: text("device") }
    };
    let own_mtu =
        database.get("PIF", pif, "other_config").get("mtu").and_then(|mtu| mtu.as_text().parse().ok());
    Bridge {
        name: database.text("network", &network, "bridge").to_owned(),
        network_uuid: database.text("network", &network, "uuid").to_owned(),
        hwaddr: text("MAC"),
        mtu: own_mtu.unwrap_or_else(|| database.get("network", &network, "MTU").as_int()),
        kind,
    }
}

/// The tunnel whose access PIF this is.
pub(crate) fn tunnel_of(database: &Database, pif: &str) -> Option<String> {
    database.texts("PIF", pif, "tunnel_access_PIF_of").into_iter().next()
}

fn has_address(database: &Database, pif: &str) -> bool {
    ["ip_configuration_mode", "ipv6_configuration_mode"].iter().any(|mode| {
        let mode = database.text("PIF", pif, mode);
        !mode.is_empty() && mode != "None"
    })
}

fn check_unplug(database: &Database, pif: &str) -> Result<(), Failure> {
    if database.is_true("PIF", pif, "management") {
        return Err(Failure::new("PIF_IS_MANAGEMENT_INTERFACE", [pif]));
    }
    if database.is_true("PIF", pif, "disallow_unplug") {
        return Err(Failure::new("PIF_DOES_NOT_ALLOW_UNPLUG", [pif]));
    }
    let (network, host) = (database.text("PIF", pif, "network"), database.text("PIF", pif, "host"));
    let is_in_use = |vif: &String| {
        let vm = database.text("VIF", vif, "VM");
        database.is_true("VIF", vif, "currently_attached") && database.text("VM", vm, "resident_on") == host
    };
    match database.texts("network", network, "VIFs").iter().find(|vif| is_in_use(vif)) {
        Some(vif) => Err(Failure::new("VIF_IN_USE", [network, vif])),
        None => Ok(()),
    }
}

fn is_vxlan_used(database: &Database, host: &str) -> bool {
    database.texts("host", host, "PIFs").iter().any(|pif| {
        let tunnel = tunnel_of(database, pif).unwrap_or_default();
        database.is_true("PIF", pif, "currently_attached")
            && database.text("tunnel", &tunnel, "protocol") == "vxlan"
    })
}

fn forget(pool: &Pool, pif: &str) -> Answer {
    if pool.read(|database| tunnel_of(database, pif).is_some()) {
        return Err(Failure::new("PIF_TUNNEL_STILL_EXISTS", [pif]));
    }
    if pool.read(|database| database.is_true("PIF", pif, "currently_attached")) {
        unplug(pool, pif)?;
    }
    pool.write(|database| database.destroy("PIF", pif));
    void()
}

/// Only VLANs' PIFs are destroyed this way, and by `VLAN.destroy` better.
fn destroy(pool: &Pool, pif: &str) -> Answer {
    if pool.read(|database| database.get("PIF", pif, "VLAN").as_int() < 0) {
        return Err(Failure::bare("PIF_IS_PHYSICAL"));
    }
    let vlan = pool.read(|database| database.text("PIF", pif, "VLAN_master_of").to_owned());
    super::vlan::destroy(pool, &vlan)
}

fn reconfigure_ip(call: &Call<'_>, pif: &str) -> Answer {
    call.pool.host(&call.pool.read(|database| database.text("PIF", pif, "host").to_owned()))?;
    let mode = call.text(1);
    let mut settings =
        [("IP", call.text(2)), ("netmask", call.text(3)), ("gateway", call.text(4)), ("DNS", call.text(5))];
    if mode == "Static" {
        let is_optional = |field: &str| field == "gateway" || field == "DNS";
        let wrong = settings.iter().filter(|(field, _)| *field != "DNS").find(|(field, text)| {
            text.parse::<Ipv4Addr>().is_err() && !(text.is_empty() && is_optional(field))
        });
        if let Some((field, _)) = wrong {
            return Err(Failure::new("INVALID_IP_ADDRESS_SPECIFIED", [*field]));
        }
    } else {
        // With DHCP the address comes later, when the lease does.
        settings.iter_mut().for_each(|(_, text)| *text = "");
    }
    call.pool.write(|database| {
        database.set("PIF", pif, "ip_configuration_mode", Value::text(mode));
        for (field, text) in settings {
            database.set("PIF", pif, field, Value::text(text));
        }
    });
    void()
}

fn reconfigure_ipv6(call: &Call<'_>, pif: &str) -> Answer {
    call.pool.host(&call.pool.read(|database| database.text("PIF", pif, "host").to_owned()))?;
    let (mode, address, gateway) = (call.text(1), call.text(2), call.text(3));
    let plain = address.split('/').next().unwrap_or_default();
    if mode == "Static" && plain.parse::<Ipv6Addr>().is_err() {
        return Err(Failure::new("INVALID_IP_ADDRESS_SPECIFIED", ["IPv6"]));
    }
    let addresses = if mode == "Static" { vec![address] } else { vec![] };
    call.pool.write(|database| {
        database.set("PIF", pif, "ipv6_configuration_mode", Value::text(mode));
        database.set("PIF", pif, "IPv6", Value::texts(addresses));
        database.set("PIF", pif, "ipv6_gateway", Value::text(gateway));
    });
    void()
}

/// Whether a PIF's tunnel, VLAN or bond is unset: what `OpaqueRef:NULL` means, or a field that is not there.
pub(super) fn is_null(reference: &str) -> bool {
    reference.is_empty() || reference == NULL
}
