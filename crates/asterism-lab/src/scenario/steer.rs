//! Lets every host send by the uplink that its rank prefers: leaves and standbys by their star-center, star-centers by the root.
//!
//! A bond takes whichever member came up first, and stays with it; then a center may die with nobody's frames going over it.
//! A promise about that death is only tried out when they do. Asks the switch itself (`bond/set-active-member` of
//! ovs-vswitchd(8)), and writes no row.

use super::stage::PATIENCE;
use crate::address::HostName;
use crate::error::Result;
use crate::host::Host;
use crate::lab::Lab;
use crate::tool::Tool;
use crate::wait::until;

/// Makes `host` send to `peer` in a network. Quiet where it has one uplink only, or none to that peer. Waits for a tunnel that
/// is down at the moment.
///
/// # Errors
/// When its database does not answer, or the switch still refuses after 90 s.
pub(super) fn steer(lab: &Lab, host: HostName, peer: HostName, network: u32) -> Result<()> {
    let host = lab.host(host)?;
    let find = format!(
        "--bare --columns=_uuid,name find Interface external_ids:asterism-network={network} options:remote_ip=\"{}\"",
        peer.transport()
    );
    let found = host.vsctl().run(&find)?;
    let [interface, member] = found.split_whitespace().collect::<Vec<_>>()[..] else { return Ok(()) };
    let port = host
        .vsctl()
        .run(&format!("--bare --columns=name,interfaces find Port interfaces{{>=}}{interface}"))?;
    match port.split_whitespace().collect::<Vec<_>>()[..] {
        [port, _, _, ..] => until(format!("{} sends to {peer}", host.name()), PATIENCE, || {
            set_active(host, port, member).map_err(|error| error.chain())
        }),
        _ => Ok(()),
    }
}

fn set_active(host: &Host, port: &str, member: &str) -> Result<()> {
    let socket = host.dir().join("ovs-vswitchd.ctl");
    Tool::new("ovs-appctl")
        .arg(format!("--target={}", socket.display()))
        .args(["bond/set-active-member", port, member])
        .run(format!("steering {}", host.name()))
        .map(drop)
}
