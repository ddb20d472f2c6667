//! Networks of Xen Orchestra's plugin: seen with their tunnels, marked as ours beside its keys, and unmarked.

use asterism_model::{CallOutcome, PoolCall};
use asterism_xapi_sim::{Simulator, Value};

use crate::{
    calls::reason,
    support::{config, connected, count, key, open, picture_where, spec, start},
};

const UUID: &str = "7f5c3b1e-0000-4000-8000-000000000001";

fn make_as_plugin(simulator: &Simulator) {
    let keys = [
        ("automatic", "false"),
        ("xo:sdn-controller:private-network-uuid", UUID),
        ("xo:sdn-controller:vni", "23"),
        ("xo:sdn-controller:encapsulation", "vxlan"),
    ];
    let record = Value::Map(vec![
        ("name_label".to_owned(), Value::text("blue")),
        ("other_config".to_owned(), Value::map(keys)),
    ]);
    let network = simulator.call("network.create", vec![record]).unwrap();
    for host in ["h1", "h2"] {
        let pif = Value::text(simulator.pif(host, crate::support::TRANSPORT));
        simulator.call("tunnel.create", vec![pif, network.clone(), Value::text("vxlan")]).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_of_the_plugins_is_marked_beside_its_keys_and_unmarked() {
    let simulator = start(spec(2));
    make_as_plugin(&simulator);
    let session = open(&config(&simulator, &["h1"]));
    let picture = picture_where(&session, "the plugin's network", |picture| {
        picture.observed.plugin_networks.values().any(|it| it.tunnels.len() == 2)
    })
    .await;
    let (network, seen) = picture.observed.plugin_networks.first_key_value().unwrap();
    assert_eq!(seen.plugin.to_string(), UUID);
    assert_eq!((seen.vni.as_deref(), seen.has_our_key), (Some("23"), false));
    let transports = seen.tunnels.values().filter_map(|tunnel| tunnel.transport.as_ref());
    assert!(transports.map(|it| it.as_str()).eq(["xenbr1", "xenbr1"]));
    assert!(picture.observed.networks.is_empty() && picture.observed.plugin_signs.is_empty());

    let mark = PoolCall::MarkNetwork { network: network.clone(), key: key(1) };
    assert_eq!(session.call(mark.clone()).await, CallOutcome::Done);
    let shown = |picture: &asterism_xapi::PoolPicture| picture.observed.networks.len() == 1;
    let picture = picture_where(&session, "our mark", shown).await;
    assert!(picture.observed.plugin_networks[network].has_our_key, "it keeps the plugin's keys");
    assert_eq!(session.call(mark).await, CallOutcome::Done);
    assert_eq!(count(&simulator, "network.add_to_other_config"), 1);
    let other = PoolCall::MarkNetwork { network: network.clone(), key: key(2) };
    let refused = session.call(other).await;
    assert!(reason(&refused).contains("another one"), "{refused:?}");

    simulator.set_pool_key("xo:clientInfo:abc", Some("{}"));
    let unmark = PoolCall::UnmarkNetwork { network: network.clone() };
    for _ in 0..2 {
        assert_eq!(session.call(unmark.clone()).await, CallOutcome::Done);
    }
    let picture = picture_where(&session, "neither mark nor quiet", |picture| {
        picture.observed.networks.is_empty() && !picture.observed.plugin_signs.is_empty()
    })
    .await;
    assert_eq!(picture.observed.plugin_networks[network].plugin.to_string(), UUID);
    assert_eq!(picture.observed.plugin_signs, ["xo:clientInfo:abc"]);
    connected(&session).await;
}
