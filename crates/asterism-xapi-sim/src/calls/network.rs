//! Networks: rows of the database only. Bridges come with PIFs and VIFs.

use super::{Call, constructor, void};
use crate::{
    failure::{Answer, Failure},
    value::Value,
};

/// Bridges that clients may not name.
const RESERVED: &[&str] = &["xen", "xapi", "vif", "tap", "eth"];
/// The longest name of a network interface in Linux.
const BRIDGE_BYTES_MAX: usize = 15;
const MTU_DEFAULT: i64 = 1500;

pub(super) fn perform(call: &Call<'_>, name: &str) -> Option<Answer> {
    Some(match name {
        "create" => create(call),
        "destroy" => destroy(call),
        "add_purpose" => add_purpose(call),
        _ => return None,
    })
}

fn create(call: &Call<'_>) -> Answer {
    let mut fields = constructor("network", call.argument(0), &["other_config"])?;
    let given = |fields: &[(&str, Value)], name: &str| {
        fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone())
    };
    let bridge = given(&fields, "bridge").map(|bridge| bridge.as_text().to_owned()).unwrap_or_default();
    let is_reserved = RESERVED.iter().any(|reserved| bridge.starts_with(reserved));
    if is_reserved || bridge.len() > BRIDGE_BYTES_MAX {
        return Err(Failure::invalid_value("bridge", &bridge));
    }
    if given(&fields, "MTU").is_some_and(|mtu| mtu.as_int() <= 0) {
        fields.push(("MTU", Value::Int(MTU_DEFAULT)));
    }
    call.pool.change(|state| {
        let exists = |name: &str| state.database.find("network", "bridge", &Value::text(name)).is_some();
        if !bridge.is_empty() && exists(&bridge) {
            return Err(Failure::new("BRIDGE_NAME_EXISTS", [bridge]));
        }
        if bridge.is_empty() {
            let (number, name) = (state.bridges..)
                .map(|number| (number, format!("xapi{number}")))
                .find(|(_, name)| !exists(name))
                .expect("there are more numbers than networks");
            state.bridges = number + 1;
            fields.push(("bridge", Value::text(name)));
        }
        Ok(Value::text(state.database.create("network", fields)))
    })
}

fn destroy(call: &Call<'_>) -> Answer {
    let network = call.object("network", 0)?;
    call.pool.write(|database| {
        let vifs = database.texts("network", &network, "VIFs");
        let attached: Vec<_> =
            vifs.iter().filter(|vif| database.is_true("VIF", vif, "currently_attached")).cloned().collect();
        if !attached.is_empty() {
            return Err(Failure::new("NETWORK_CONTAINS_VIF", attached));
        }
        let pifs = database.texts("network", &network, "PIFs");
        if !pifs.is_empty() {
            return Err(Failure::new("NETWORK_CONTAINS_PIF", pifs));
        }
        for vif in vifs {
            database.destroy("VIF", &vif);
        }
        database.destroy("network", &network);
        void()
    })
}

/// Of the two purposes, secured and not secured block devices, a network has one.
fn add_purpose(call: &Call<'_>) -> Answer {
    let network = call.object("network", 0)?;
    let purpose = call.argument(1);
    call.pool.write(|database| {
        let mut present = database.get("network", &network, "purpose").members().to_vec();
        if let Some(other) = present.iter().find(|one| *one != purpose) {
            return Err(Failure::new("NETWORK_INCOMPATIBLE_PURPOSES", [purpose.as_text(), other.as_text()]));
        }
        if present.is_empty() {
            present.push(purpose.clone());
        }
        database.set("network", &network, "purpose", Value::Set(present));
        void()
    })
}
