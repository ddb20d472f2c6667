//! The sizes with which an operator probes a network's MTU. Pure.
//!
//! Nothing in OVSDB sends a packet of a given size, and BFD cannot be padded, so that the controllers compute MTUs and prove
//! none; a ping that must not be fragmented does.

use std::net::IpAddr;

use asterism_api::v1;
use asterism_model::{NetworkState, PrivateNetwork};

use super::statement;

/// The header of an ICMP or ICMPv6 echo.
const ECHO: u16 = 8;

/// None where no host is in the network yet.
pub(super) fn mtu_finding(state: &NetworkState, network: &PrivateNetwork) -> Option<v1::Finding> {
    let mut transports = state.hosts().values().filter(|host| host.is_member());
    let transport = transports.find_map(|host| network.transport_of(host))?;
    let (inside, outside) = echo_sizes(network, transport.address);
    let text = format!(
        "{} bytes: probe it between VMs with `ping -M do -s {inside}` (IPv4), and what it needs of the transport between hosts \
         with `ping -M do -s {outside}`",
        network.mtu
    );
    Some(statement("mtu", text))
}

/// What an echo request carries that fills the MTU of VMs (over IPv4), and the transport's packet around that.
fn echo_sizes(network: &PrivateNetwork, transport: IpAddr) -> (u16, u16) {
    let outer = if transport.is_ipv4() { 20 } else { 40 };
    let whole = network.mtu.saturating_add(network.encapsulation.overhead(transport));
    (network.mtu.saturating_sub(20 + ECHO), whole.saturating_sub(outer + ECHO))
}

#[cfg(test)]
mod tests {
    use asterism_model::{Command, Encapsulation, NetworkId};

    use super::*;

    #[test]
    fn an_echo_of_the_told_size_fills_what_it_probes() {
        let mut state = NetworkState::default();
        for operation in [
            r#"{"init_cluster":{"cluster":"00000000000000000000000000000007","name":"lab"}}"#,
            r#"{"add_pool":{"name":"p"}}"#,
            r#"{"create_network":{"name":"red","encapsulation":"vxlan","mtu":1450,"vni":null,"resilience":"dual",
               "pools":{"p":{"transport":"vm","preferred_host":null}},"preferred_pool":null}}"#,
        ] {
            let command = format!(r#"{{"at":0,"operation":{operation}}}"#);
            let command: Command = serde_json::from_str(&command).expect("a command as it is stored");
            state.apply(&command);
        }
        let red = &state.networks()[&NetworkId(1)];
        assert!(mtu_finding(&state, red).is_none());
        let sizes = |encapsulation, mtu, transport: &str| {
            let network = PrivateNetwork { encapsulation, mtu, ..red.clone() };
            echo_sizes(&network, transport.parse().expect("an address"))
        };
        // With 20 + 8 bytes of headers, or 40 + 8: 1450 inside, 1500 outside.
        assert_eq!(sizes(Encapsulation::Vxlan, 1450, "10.0.0.1"), (1422, 1472));
        assert_eq!(sizes(Encapsulation::Gre, 1458, "10.0.0.1"), (1430, 1472));
        assert_eq!(sizes(Encapsulation::Geneve, 1430, "fd00::1"), (1402, 1452));
    }
}
