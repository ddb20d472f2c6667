//! The script language's words for networks that Xen Orchestra's plugin made.
//!
//! ```text
//! take blue plugin=240 vni=7 [encap=gre] [mtu=1400] [one-star] center=x1 x1:10:xapi0:xenbr1:a x2:11:xapi0:xenbr1:b
//! release blue | forget-network n1 [epoch=1]
//! ```
//! A pool is POOL:UUID:BRIDGE:TRANSPORT:CENTER; numbers stand for uuids.

use asterism_model::{
    AdoptedNetwork, AdoptedPoolSpec, AdoptionSpec, Encapsulation, Name, NetworkState, Operation, Shape, Vni,
    XapiUuid,
};

use super::script::{option, parse_as};

pub fn adopt(name: &str, words: &[&str]) -> Operation {
    let pools = words.iter().filter(|word| word.contains(':')).map(|word| pool(word));
    let spec = AdoptionSpec {
        name: parse_as(name),
        plugin: XapiUuid(option(words, "plugin").map_or(240, parse_as)),
        encapsulation: option(words, "encap").map_or(Encapsulation::Vxlan, parse_as),
        mtu: option(words, "mtu").map_or(1400, parse_as),
        vni: Vni::new(option(words, "vni").map_or(7, parse_as)).unwrap(),
        shape: if words.contains(&"one-star") { Shape::OneStar } else { Shape::Stars },
        pools: pools.collect(),
        pool_center: option(words, "center").map_or_else(|| parse_as("x1"), parse_as),
    };
    Operation::AdoptNetworks { networks: vec![spec] }
}

fn pool(word: &str) -> (Name, AdoptedPoolSpec) {
    let [pool, uuid, bridge, transport, center] =
        word.split(':').collect::<Vec<_>>().try_into().expect("POOL:UUID:BRIDGE:TRANSPORT:CENTER");
    let network = AdoptedNetwork { uuid: XapiUuid(parse_as(uuid)), bridge: bridge.to_owned() };
    let spec = AdoptedPoolSpec { network, transport: parse_as(transport), center: parse_as(center) };
    (parse_as(pool), spec)
}

pub fn forget(network: &str, words: &[&str], state: &NetworkState) -> Operation {
    Operation::ForgetNetwork {
        network: asterism_model::NetworkId(network.strip_prefix('n').unwrap().parse().unwrap()),
        epoch: option(words, "epoch").map_or(state.epoch(), parse_as),
    }
}
