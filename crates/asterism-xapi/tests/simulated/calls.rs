//! Calls: done once or twice it is the same, refusals have reasons, and no answer is no knowledge.

use std::{collections::BTreeMap, time::Duration};

use asterism_model::{
    CallOutcome, Encapsulation, ObjectRef, ObservedAuthority, PoolCall, XapiUuid,
    pool_objects::AUTHORITY_FILE,
};
use asterism_xapi::{PoolPicture, PoolSession, XapiConfig};
use asterism_xapi_sim::{Effect, Fault, PoolSpec, Simulator, Value, Version};

use crate::{
    support::{
        TRANSPORT, config, connected, count, host_uuid, key, only_network, open, picture_where, spec, start,
        until,
    },
    trust::identity,
};

fn create(number: u32) -> PoolCall {
    PoolCall::CreateNetwork {
        key: key(number),
        label: format!("net{number}"),
        bridge: format!("ast{number}"),
        mtu: 1450,
    }
}

pub fn tunnel(picture: &PoolPicture, host: XapiUuid, protocol: Encapsulation) -> PoolCall {
    let transport = &picture.observed.hosts[&host].transports[&"xenbr1".parse().unwrap()];
    let network = only_network(picture);
    PoolCall::CreateTunnel { host, network, transport: transport.pif.clone(), protocol }
}

/// A session with a pool that has network 1.
pub async fn with_network(
    simulator: &Simulator,
    config: &XapiConfig,
) -> (PoolSession, std::sync::Arc<PoolPicture>) {
    let session = open(config);
    connected(&session).await;
    assert_eq!(session.call(create(1)).await, CallOutcome::Done);
    let picture =
        picture_where(&session, "the network", |picture| picture.observed.networks.len() == 1).await;
    assert_eq!(count(simulator, "network.create"), 1);
    (session, picture)
}

pub fn reason(outcome: &CallOutcome) -> &str {
    match outcome {
        CallOutcome::Refused(reason) | CallOutcome::Unknown(reason) => reason,
        CallOutcome::Done => "done",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_networks_life_is_made_of_calls_that_may_be_repeated() {
    for version in Version::ALL {
        let simulator = start(PoolSpec { version, ..spec(2) });
        let authority = identity().certificate;
        let config = XapiConfig { authority: Some(authority), ..config(&simulator, &["h1"]) };
        let session = open(&config);
        connected(&session).await;
        let twice = async |call: PoolCall| {
            assert_eq!(session.call(call.clone()).await, CallOutcome::Done, "{version:?} {call:?}");
            assert_eq!(session.call(call.clone()).await, CallOutcome::Done, "{version:?} again {call:?}");
        };
        twice(PoolCall::InstallAuthority).await;
        twice(PoolCall::SyncCertificates).await;
        twice(PoolCall::IntroduceController).await;
        twice(create(1)).await;
        let picture = picture_where(&session, "all of these", |picture| {
            picture.observed.networks.len() == 1
                && picture.observed.controllers.len() == 1
                && picture.observed.authority == ObservedAuthority::Installed
        })
        .await;
        let network = only_network(&picture);
        let hosts = [host_uuid(&simulator, "h1"), host_uuid(&simulator, "h2")];
        for host in hosts {
            twice(tunnel(&picture, host, Encapsulation::Vxlan)).await;
        }
        let picture = picture_where(&session, "attached tunnels", |picture| {
            let tunnels = &picture.observed.networks[&network].tunnels;
            tunnels.len() == 2 && tunnels.values().all(|tunnel| tunnel.is_attached)
        })
        .await;
        let tunnels = picture.observed.networks[&network].tunnels.clone();
        let status = BTreeMap::from([("active".to_owned(), "true".to_owned())]);
        for (host, seen) in &tunnels {
            assert_eq!(seen.transport.as_ref().unwrap().as_str(), "xenbr1");
            twice(PoolCall::Plug { host: *host, pif: seen.access_pif.clone() }).await;
            let (tunnel, status) = (seen.tunnel.clone(), status.clone());
            twice(PoolCall::SetStatus { host: *host, tunnel, status }).await;
        }
        twice(PoolCall::ChangeNetwork { network: network.clone(), label: "new".into(), mtu: 1400 }).await;
        picture_where(&session, "changed", |picture| {
            let seen = &picture.observed.networks[&network];
            seen.label == "new"
                && seen.mtu == 1400
                && seen.tunnels.values().all(|tunnel| tunnel.status == status)
        })
        .await;
        let outcome = session.call(PoolCall::DestroyNetwork { network: network.clone() }).await;
        assert!(reason(&outcome).contains("NETWORK_CONTAINS_PIF"), "{outcome:?}");
        for (host, seen) in tunnels {
            twice(PoolCall::DestroyTunnel { host, tunnel: seen.tunnel }).await;
        }
        twice(PoolCall::DestroyNetwork { network }).await;
        picture_where(&session, "nothing", |picture| picture.observed.networks.is_empty()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_controllers_that_create_at_once_make_one_network() {
    let simulator = start(spec(1));
    let config = config(&simulator, &["h1"]);
    let (one, other) = (open(&config), open(&config));
    connected(&one).await;
    connected(&other).await;
    let outcomes = tokio::join!(one.call(create(1)), other.call(create(1)));
    assert_eq!(outcomes, (CallOutcome::Done, CallOutcome::Done));
    let picture = picture_where(&one, "one", |picture| !picture.observed.networks.is_empty()).await;
    only_network(&picture);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_that_is_anothers_is_left_alone() {
    let simulator = start(spec(1));
    simulator.edit(|database| {
        database.create("network", [("bridge", Value::text("ast1")), ("name_label", Value::text("theirs"))])
    });
    let session = open(&config(&simulator, &["h1"]));
    connected(&session).await;
    let outcome = session.call(create(1)).await;
    assert!(matches!(outcome, CallOutcome::Refused(_)), "{outcome:?}");
    assert!(reason(&outcome).contains("bridge ast1 is that of network `theirs`"), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_is_unknown_and_the_repetition_finds_it_done() {
    let simulator = start(spec(1));
    let session = open(&config(&simulator, &["h1"]));
    connected(&session).await;
    simulator.inject(Fault::new(Effect::LoseAnswer).of_method("network.create").times(1));
    let outcome = session.call(create(1)).await;
    assert!(matches!(outcome, CallOutcome::Unknown(_)), "{outcome:?}");
    assert_eq!(session.call(create(1)).await, CallOutcome::Done);
    let picture = picture_where(&session, "one", |picture| !picture.observed.networks.is_empty()).await;
    only_network(&picture);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_failed_creation_left_is_taken_up_by_the_next() {
    let simulator = start(spec(2));
    let (session, picture) = with_network(&simulator, &config(&simulator, &["h1"])).await;
    let h2 = host_uuid(&simulator, "h2");
    simulator.set_address("h2", TRANSPORT, None);
    let call = tunnel(&picture, h2, Encapsulation::Vxlan);
    let outcome = session.call(call.clone()).await;
    assert!(reason(&outcome).contains("TRANSPORT_PIF_NOT_CONFIGURED"), "{outcome:?}");
    let network = only_network(&picture);
    picture_where(&session, "the rest of it", |picture| {
        picture.observed.networks[&network].tunnels.get(&h2).is_some_and(|tunnel| !tunnel.is_attached)
    })
    .await;
    simulator.set_address("h2", TRANSPORT, Some(([10, 1, 0, 2].into(), 24)));
    assert_eq!(session.call(call).await, CallOutcome::Done);
    picture_where(&session, "attached", |picture| {
        picture.observed.networks[&network].tunnels[&h2].is_attached
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_hangs_keeps_no_other_waiting() {
    let simulator = start(spec(3));
    let mut config = config(&simulator, &["h1"]);
    config.deadlines.plug = Duration::from_secs(3);
    let (session, picture) = with_network(&simulator, &config).await;
    // It stays live for ten minutes more, as far as XAPI knows.
    simulator.crash_host("h2");
    let [h2, h3] = ["h2", "h3"].map(|name| host_uuid(&simulator, name));
    let hanging = session.call(tunnel(&picture, h2, Encapsulation::Gre));
    let mut hanging = std::pin::pin!(hanging);
    tokio::select! {
        biased;
        early = &mut hanging => panic!("{early:?}"),
        outcome = session.call(tunnel(&picture, h3, Encapsulation::Gre)) => assert_eq!(outcome, CallOutcome::Done),
    }
    let outcome = hanging.await;
    assert!(
        matches!(&outcome, CallOutcome::Unknown(why) if why.contains("did not answer within 3s")),
        "{outcome:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_controllers_ca_is_left_alone() {
    let simulator = start(spec(1));
    let (theirs, ours) = (identity().certificate, identity().certificate);
    let install = |authority| open(&XapiConfig { authority: Some(authority), ..config(&simulator, &["h1"]) });
    let session = install(theirs);
    connected(&session).await;
    assert_eq!(session.call(PoolCall::InstallAuthority).await, CallOutcome::Done);
    let session = install(ours);
    picture_where(&session, "theirs", |picture| picture.observed.authority == ObservedAuthority::Other).await;
    let outcome = session.call(PoolCall::InstallAuthority).await;
    assert!(
        reason(&outcome).contains(&format!("another CA is installed as {AUTHORITY_FILE}")),
        "{outcome:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_follows_each_answer_also_of_a_call_that_changed_nothing() {
    let simulator = start(spec(1));
    let (session, _) = with_network(&simulator, &config(&simulator, &["h1"])).await;
    for _ in 0..3 {
        assert_eq!(session.call(create(1)).await, CallOutcome::Done);
        let before = connected(&session).await.picture;
        let number = before.observed.picture;
        picture_where(&session, "a later one", |picture| picture.observed.picture > number).await;
    }
}

/// Once it was not told what is installed, it asks again.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_cas_that_does_not_come_is_asked_for_again() {
    let simulator = start(spec(1));
    simulator.inject(Fault::new(Effect::Status(500)).of_method("pool.certificate_list").times(2));
    let session = open(&config(&simulator, &["h1"]));
    picture_where(&session, "none", |picture| picture.observed.authority == ObservedAuthority::Absent).await;
}

/// Versions without records of CAs make no event when one goes.
#[tokio::test(flavor = "multi_thread")]
async fn a_ca_that_an_old_version_loses_is_missed_in_time() {
    let simulator = start(PoolSpec { version: Version::V1_249, ..spec(1) });
    let authority = Some(identity().certificate);
    let config = XapiConfig { authority, ..config(&simulator, &["h1"]) };
    let session = open(&config);
    picture_where(&session, "none", |picture| picture.observed.authority == ObservedAuthority::Absent).await;
    assert_eq!(session.call(PoolCall::InstallAuthority).await, CallOutcome::Done);
    picture_where(&session, "ours", |picture| picture.observed.authority == ObservedAuthority::Installed)
        .await;
    let lists = count(&simulator, "pool.certificate_list");
    until("asked again", || count(&simulator, "pool.certificate_list") > lists).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_dial_another_controller_are_left_alone() {
    let simulator = start(spec(1));
    simulator.edit(|database| {
        database.create(
            "SDN_controller",
            [("protocol", Value::text("ssl")), ("address", Value::text("10.9.9.9"))],
        )
    });
    let session = open(&config(&simulator, &["h1"]));
    connected(&session).await;
    let outcome = session.call(PoolCall::IntroduceController).await;
    assert!(reason(&outcome).contains("dial the SDN controller 10.9.9.9"), "{outcome:?}");
    assert_eq!(count(&simulator, "SDN_controller.introduce"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plug_after_a_reboot_attaches_again() {
    let simulator = start(spec(2));
    let (session, picture) = with_network(&simulator, &config(&simulator, &["h1"])).await;
    let (network, h2) = (only_network(&picture), host_uuid(&simulator, "h2"));
    assert_eq!(session.call(tunnel(&picture, h2, Encapsulation::Vxlan)).await, CallOutcome::Done);
    let attached = async |is_attached: bool| {
        let picture = picture_where(&session, "attachment", |picture| {
            let tunnel = picture.observed.networks[&network].tunnels.get(&h2);
            tunnel.is_some_and(|tunnel| tunnel.is_attached == is_attached)
        });
        picture.await.observed.networks[&network].tunnels[&h2].access_pif.clone()
    };
    attached(true).await;
    simulator.reboot_host("h2");
    let pif = attached(false).await;
    assert_eq!(session.call(PoolCall::Plug { host: h2, pif }).await, CallOutcome::Done);
    attached(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pif_that_is_gone_is_not_plugged() {
    let simulator = start(spec(1));
    let session = open(&config(&simulator, &["h1"]));
    connected(&session).await;
    let pif = ObjectRef("OpaqueRef:gone".to_owned());
    let outcome = session.call(PoolCall::Plug { host: host_uuid(&simulator, "h1"), pif }).await;
    assert!(reason(&outcome).contains("HANDLE_INVALID"), "{outcome:?}");
    let geneve = PoolCall::CreateTunnel {
        host: host_uuid(&simulator, "h1"),
        network: ObjectRef("OpaqueRef:n".to_owned()),
        transport: ObjectRef("OpaqueRef:t".to_owned()),
        protocol: Encapsulation::Geneve,
    };
    assert!(reason(&session.call(geneve).await).contains("expected vxlan or gre"));
    until("logged in once", || count(&simulator, "session.login_with_password") == 1).await;
}
