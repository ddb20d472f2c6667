//! VLANs: a PIF of its own on another one's wire.

use super::{
    Call,
    pif::{is_null, plug, tunnel_of, unplug},
    tunnel::check_not_connected,
    void,
};
use crate::{
    failure::{Answer, Failure},
    pool::Pool,
    value::Value,
};

const TAGS: std::ops::RangeInclusive<i64> = 0..=4094;

pub(super) fn perform(call: &Call<'_>, name: &str) -> Option<Answer> {
    Some(match name {
        "create" => create_by_client(call),
        "destroy" => call.object("VLAN", 0).and_then(|vlan| destroy(call.pool, &vlan)),
        _ => return None,
    })
}

fn create_by_client(call: &Call<'_>) -> Answer {
    let tagged = call.object("PIF", 0)?;
    let host = call.pool.read(|database| database.text("PIF", &tagged, "host").to_owned());
    call.pool.host(&host)?;
    let network = call.object("network", 2)?;
    let (vlan, _) = create(call.pool, &tagged, call.argument(1).as_int(), &network)?;
    Ok(Value::text(vlan))
}

/// Makes a VLAN, and plugs its PIF where the tagged one is. Answers the VLAN and its PIF.
pub(super) fn create(
    pool: &Pool,
    tagged: &str,
    tag: i64,
    network: &str,
) -> Result<(String, String), Failure> {
    let (vlan, untagged, is_attached) = pool.write(|database| {
        let text = |field: &str| database.text("PIF", tagged, field).to_owned();
        let (host, device, metrics, mac) = (text("host"), text("device"), text("metrics"), text("MAC"));
        check_not_connected(database, &host, network)?;
        if !is_null(&text("bond_slave_of")) {
            return Err(Failure::new("CANNOT_ADD_VLAN_TO_BOND_SLAVE", [tagged]));
        }
        if !TAGS.contains(&tag) {
            return Err(Failure::new("VLAN_TAG_INVALID", [tag.to_string()]));
        }
        if tunnel_of(database, tagged).is_some() {
            return Err(Failure::new("IS_TUNNEL_ACCESS_PIF", [tagged]));
        }
        let is_taken = |vlan: &String| database.get("VLAN", vlan, "tag").as_int() == tag;
        if database.texts("PIF", tagged, "VLAN_slave_of").iter().any(is_taken) {
            return Err(Failure::new("PIF_VLAN_EXISTS", [device]));
        }
        let is_attached = database.is_true("PIF", tagged, "currently_attached");
        let untagged = database.create(
            "PIF",
            [
                ("device", Value::text(device)),
                ("network", Value::text(network)),
                ("host", Value::text(host)),
                ("MAC", Value::text(mac)),
                ("MTU", Value::Int(-1)),
                ("VLAN", Value::Int(tag)),
                ("metrics", Value::text(metrics)),
                ("currently_attached", Value::Bool(false)),
                ("IPv6", Value::texts([""])),
            ],
        );
        let fields = [
            ("tagged_PIF", Value::text(tagged)),
            ("untagged_PIF", Value::text(&untagged)),
            ("tag", Value::Int(tag)),
        ];
        let vlan = database.create("VLAN", fields);
        database.set("PIF", &untagged, "VLAN_master_of", Value::text(&vlan));
        Ok((vlan, untagged, is_attached))
    })?;
    if is_attached {
        plug(pool, &untagged)?;
    }
    Ok((vlan, untagged))
}

/// Goes through also under tunnels, which stay without a transport.
pub(super) fn destroy(pool: &Pool, vlan: &str) -> Answer {
    let untagged = pool.read(|database| database.text("VLAN", vlan, "untagged_PIF").to_owned());
    if pool.read(|database| database.has("PIF", &untagged)) {
        unplug(pool, &untagged)?;
    }
    pool.write(|database| {
        database.destroy("VLAN", vlan);
        database.destroy("PIF", &untagged);
    });
    void()
}
