//! Rows that are not ours stay as they are.

use std::collections::BTreeMap;

use asterism_model::{BridgeOwner, ObservedHost};

/// # Errors
/// A write of ours touched something foreign.
pub fn untouched(
    label: &str,
    before: &ObservedHost,
    after: &ObservedHost,
    plugged: &BTreeMap<String, usize>,
) -> Result<(), String> {
    if before.foreign_names != after.foreign_names || before.root != after.root {
        return Err(format!("foreign rows of {label} have changed"));
    }
    for (row, bridge) in &before.bridges {
        let is_foreign = bridge.owner == BridgeOwner::Pool || bridge.network.is_none();
        match after.bridges.get(row) {
            None if bridge.foreign_ports > 0 || bridge.owner == BridgeOwner::Pool => {
                return Err(format!(
                    "bridge {} of {label} is gone, with what others have in it",
                    bridge.name
                ));
            }
            Some(there) if there.foreign_ports != bridge.foreign_ports => {
                return Err(format!("foreign ports in {} of {label} have changed", bridge.name));
            }
            Some(there) if is_foreign && (&there.name, there.owner) != (&bridge.name, bridge.owner) => {
                return Err(format!("foreign bridge {} of {label} has changed", bridge.name));
            }
            Some(_) | None => {}
        }
    }
    for (name, count) in plugged.iter().filter(|(_, count)| **count > 0) {
        let there = after.bridges.values().find(|bridge| bridge.name == *name);
        if there.is_none_or(|bridge| bridge.foreign_ports != *count) {
            return Err(format!("{count} VMs were plugged into {name} of {label}"));
        }
    }
    Ok(())
}
