//! Which port of a bridge is which of its target: known by the tunnels that they share, so that members come and go and
//! directions turn in place.
//!
//! A tunnel that moves to another port is made anew, and a bond does not use it until its BFD is up again, a second later;
//! a plain port does at once. So the uplink port chooses first, and takes the port that has most of its members. What is
//! left of a bond whose members become downlinks stays with the one that it forwards over.

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{ObservedBridge, ObservedPort, PortRole, RowUuid, TargetBridge, TargetPort};

/// The ports of a bridge, paired with those of its target.
pub(super) struct Matches<'a> {
    pairs: BTreeMap<RowUuid, &'a TargetPort>,
    /// Ports of the target that are not there.
    pub missing: Vec<&'a TargetPort>,
}

impl<'a> Matches<'a> {
    /// Names in `foreign` can't be had.
    pub fn of(bridge: &ObservedBridge, target: &'a TargetBridge, foreign: &BTreeSet<String>) -> Self {
        // Of a tunnel's name: which port of the target has it, and which place it has there.
        let mut places: BTreeMap<&str, (&'a TargetPort, usize)> = BTreeMap::new();
        for port in target.ports.values() {
            for (place, tunnel) in port.tunnels.iter().enumerate() {
                places.insert(&tunnel.name, (port, place));
            }
        }
        let ours = || bridge.ports.iter().filter(|(_, port)| port.network == Some(target.network));
        let mut pairs: BTreeMap<RowUuid, &'a TargetPort> = BTreeMap::new();

        // Most members first; of as many, the one with the member that is preferred.
        let shared = |port: &ObservedPort| {
            let names = port.interfaces.values().filter_map(|it| places.get(it.name.as_str()));
            let found: Vec<usize> =
                names.filter(|(port, _)| port.role == PortRole::Uplink).map(|(_, place)| *place).collect();
            let best = found.iter().min().copied()?;
            Some((found.len(), std::cmp::Reverse(best)))
        };
        let best = ours().filter_map(|(uuid, port)| Some((shared(port)?, *uuid))).max();
        let uplink = target.ports.values().find(|port| port.role == PortRole::Uplink);
        if let (Some((_, uuid)), Some(uplink)) = (best, uplink) {
            pairs.insert(uuid, uplink);
        }

        for (uuid, port) in ours() {
            if pairs.contains_key(uuid) {
                continue;
            }
            let downlinks = port.interfaces.values().filter_map(|it| {
                let (port, _) = places.get(it.name.as_str())?;
                (port.role == PortRole::Downlink).then_some((it.name.as_str(), *port))
            });
            let kept = downlinks.min_by_key(|(name, port)| (Some(*name) != active(bridge, uuid), &port.name));
            if let Some((_, wanted)) = kept {
                pairs.insert(*uuid, wanted);
            }
        }
        // An uplink port that loses all of its members for others changes them in one step too.
        if let Some(uplink) = uplink.filter(|uplink| best.is_none() && can_be_had(uplink, foreign)) {
            let mut spare = ours().filter(|(uuid, _)| !pairs.contains_key(uuid));
            let spare = spare.find(|(_, port)| port.is_protected == Some(true) || port.name == uplink.name);
            pairs.extend(spare.map(|(uuid, _)| (*uuid, uplink)));
        }
        let found: BTreeSet<&str> = pairs.values().map(|port| port.name.as_str()).collect();
        let missing = target.ports.values().filter(|port| !found.contains(port.name.as_str())).collect();
        Self { pairs, missing }
    }

    pub fn target_of(&self, port: RowUuid) -> Option<&'a TargetPort> {
        self.pairs.get(&port).copied()
    }
}

/// Whether the port can have any member.
fn can_be_had(port: &TargetPort, foreign: &BTreeSet<String>) -> bool {
    port.tunnels.iter().any(|tunnel| !foreign.contains(&tunnel.name))
}

fn active<'a>(bridge: &'a ObservedBridge, port: &RowUuid) -> Option<&'a str> {
    bridge.ports.get(port)?.active.as_deref()
}
