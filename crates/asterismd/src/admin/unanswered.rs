//! Whether a change is about a network that nobody can vouch for: none of its hosts answers. Pure.
//!
//! A host that does not answer is only named by a wait, and left out of what the wait is for. Where that leaves nobody of a
//! network that was changed, what was written there has been verified by no one, however well all other hosts are.

use asterism_model::{HostId, NetworkState};

/// The names of networks that have changed since `revision`, that one included, have hosts, and none that answers.
pub(super) fn unanswered(
    state: &NetworkState,
    revision: u64,
    answers: impl Fn(HostId) -> bool,
) -> Vec<String> {
    let has_changed = |network: &&asterism_model::PrivateNetwork| {
        let topology = state.topologies().get(&network.id).map_or(0, |topology| topology.revision);
        network.revision.max(topology) >= revision
    };
    let is_silent = |network: &&asterism_model::PrivateNetwork| {
        let mut hosts = state.hosts().values().filter(|host| network.spans(host)).peekable();
        hosts.peek().is_some() && !hosts.any(|host| answers(host.id))
    };
    let networks = state.networks().values().filter(has_changed).filter(is_silent);
    networks.map(|network| network.name.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use asterism_model::Command;

    use super::*;

    /// Two pools of a host each, and a network in each: h1 in red, h2 in blue.
    fn two_networks() -> NetworkState {
        let mut state = NetworkState::default();
        let mut apply = |operation: String| {
            let command = format!(r#"{{"at":0,"operation":{operation}}}"#);
            let command: Command = serde_json::from_str(&command).expect("a command as it is stored");
            state.apply(&command);
        };
        apply(r#"{"init_cluster":{"cluster":"00000000000000000000000000000007","name":"lab"}}"#.to_owned());
        for (number, network) in [(1, "red"), (2, "blue")] {
            apply(format!(r#"{{"add_pool":{{"name":"p{number}"}}}}"#));
            apply(format!(
                r#"{{"add_host":{{"pool":"p{number}","host":{{"name":"a","ovsdb":"tcp:10.0.0.{number}:6640",
                "datapath":"system","transports":{{"vm":{{"address":"10.1.0.{number}","mtu":1500}}}}}}}}}}"#
            ));
            apply(format!(
                r#"{{"create_network":{{"name":"{network}","encapsulation":"vxlan","mtu":null,"vni":null,"resilience":"dual",
                "pools":{{"p{number}":{{"transport":"vm","preferred_host":null}}}},"preferred_pool":null}}}}"#
            ));
        }
        assert_eq!(state.networks().len(), 2);
        state
    }

    #[test]
    fn a_changed_network_none_of_whose_hosts_answers_is_verified_by_nobody() {
        let state = two_networks();
        let revision = |name: &str| {
            state.networks().values().find(|it| it.name.as_str() == name).expect("it is there").revision
        };
        let red_answers = |host: HostId| host == HostId(1);
        assert_eq!(unanswered(&state, revision("blue"), red_answers), ["blue"]);
        assert_eq!(unanswered(&state, revision("red"), red_answers), ["blue"]);
        assert!(
            unanswered(&state, state.revision() + 1, red_answers).is_empty(),
            "it is not what was changed"
        );
        assert!(unanswered(&state, 0, |_| true).is_empty());
        assert_eq!(unanswered(&state, 0, |_| false), ["red", "blue"]);
    }
}
