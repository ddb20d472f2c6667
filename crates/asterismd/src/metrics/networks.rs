//! Each private network: its hosts, its links, and how many of them are as they should be.

use asterism_api::v1::NetworkStatus;
use asterism_model::NetworkState;

use super::Sheet;
use crate::{admin::network_status, leader::LeadingView};

pub(super) fn fill(sheet: &mut Sheet, state: &NetworkState, leading: Option<&LeadingView>) {
    sheet.gauge("asterism_networks", "Private networks", state.networks().len() as f64);
    sheet.gauge("asterism_hosts", "Hosts", state.hosts().len() as f64);
    let stats: Vec<(String, NetworkStatus)> = leading
        .into_iter()
        .flat_map(|leading| {
            let networks = state.networks().values();
            networks.map(|network| (network.name.to_string(), network_status(state, leading, network)))
        })
        .collect();
    let mut seen = |name, help, value: fn(&NetworkStatus) -> u32| {
        sheet.gauges(
            name,
            help,
            ["network"],
            stats.iter().map(|(label, status)| ([label.clone()], f64::from(value(status)))),
        );
    };
    seen("asterism_network_hosts", "On the leader: hosts that a network spans", |status| status.hosts);
    seen(
        "asterism_network_hosts_programmed",
        "On the leader: those of them that have what they shall have",
        |status| status.hosts_programmed,
    );
    seen("asterism_network_links", "On the leader: links of a network", |status| status.links);
    seen("asterism_network_links_up", "On the leader: those of them with BFD up at both ends", |status| {
        status.links_up
    });
}
