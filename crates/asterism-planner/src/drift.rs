//! What differs on a host from its target, for eyes: in read-only mode, in `verify`, and where an operator asks.

use asterism_model::{BondMode, HostDiff, HostId, ObservedHost};

use crate::{Targets, diff::diff};

/// Rows of ours that differ, and what foreign rows stand in the way of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Drift {
    /// How many rows would be written.
    pub rows: usize,
    /// One line each, `+` first where something is added, `-` where it is removed, `~` where it is changed.
    pub lines: Vec<String>,
    pub conflicts: Vec<String>,
}

impl Drift {
    pub fn is_empty(&self) -> bool {
        self.rows == 0 && self.conflicts.is_empty()
    }
}

/// Compares one host with its target.
pub fn drift(targets: &Targets<'_>, host: HostId, picture: &ObservedHost) -> Drift {
    let found = diff(&targets.host(host), picture);
    Drift {
        rows: found.diff.len(),
        lines: lines(&found.diff),
        conflicts: found.conflicts.iter().map(ToString::to_string).collect(),
    }
}

/// A diff in words, one row each.
pub fn lines(diff: &HostDiff) -> Vec<String> {
    let mut lines = Vec::new();
    for bridge in &diff.add_bridges {
        lines.push(format!("+ bridge {}", bridge.name));
        lines.extend(bridge.ports.keys().map(|port| format!("+ port {port} on {}", bridge.name)));
    }
    lines.extend(diff.remove_bridges.iter().map(|it| format!("- bridge {}", it.name)));
    lines.extend(diff.add_ports.iter().map(|it| format!("+ port {} on {}", it.port.name, it.bridge_name)));
    lines.extend(diff.remove_ports.iter().map(|it| format!("- port {} on {}", it.name, it.bridge_name)));
    lines.extend(diff.change_bridges.iter().map(|it| format!("~ bridge {}", it.name)));
    for change in &diff.change_ports {
        let gained = change.add_tunnels.iter().map(|tunnel| format!("+{}", tunnel.name));
        let lost = change.remove_interfaces.iter().map(|(_, name)| format!("-{name}"));
        let turned = change.is_protected.map(|leads_up| if leads_up { "uplink" } else { "downlink" });
        let mode = change.mode.map(|mode| match mode {
            BondMode::Ready => "ready to be opened",
            BondMode::Open => "open",
            BondMode::Backup | BondMode::Other => "closed",
        });
        let columns = turned.into_iter().chain(mode).map(str::to_owned);
        let all: Vec<String> = columns.chain(gained).chain(lost).collect();
        lines.push(format!("~ port {}: {}", change.name, all.join(" ")));
    }
    lines.extend(diff.change_interfaces.iter().map(|it| format!("~ interface {}", it.tunnel.name)));
    lines.extend(diff.claim_bridges.iter().map(|it| format!("~ bridge {}: adopted", it.name)));
    lines.extend(diff.claim_ports.iter().map(|it| {
        let sort = if it.seen.is_marked { "" } else { ", known by its name, its mark is lost" };
        format!("~ port {}: adopted as {}{sort}", it.seen.name, it.tunnel.name)
    }));
    lines.extend(
        diff.remove_strays
            .iter()
            .map(|it| format!("- port {} on {}: a tunnel that leads nowhere", it.name, it.bridge_name)),
    );
    for release in &diff.release_bridges {
        lines.push(format!("~ bridge {}: released", release.name));
        lines.extend(release.ports.iter().map(|it| format!("~ port {}: released", it.name)));
    }
    lines
}
