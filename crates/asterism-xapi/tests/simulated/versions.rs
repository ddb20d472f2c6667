//! What old versions lack and new ones call otherwise, and what XAPI refuses when two ask at once.

use asterism_model::{CallOutcome, Encapsulation, PoolCall};
use asterism_xapi::XapiConfig;
use asterism_xapi_sim::{Effect, Failure, Fault};

use crate::{
    calls::{reason, tunnel, with_network},
    support::{config, connected, count, host_uuid, only_network, open, picture_where, spec, start},
    trust::identity,
};

#[tokio::test(flavor = "multi_thread")]
async fn versions_without_protocols_make_gre_tunnels_and_no_others() {
    let simulator = start(spec(1));
    let (session, picture) = with_network(&simulator, &config(&simulator, &["h1"])).await;
    let h1 = host_uuid(&simulator, "h1");
    let mismatch = Failure::new("MESSAGE_PARAMETER_COUNT_MISMATCH", ["tunnel.create", "2", "3"]);
    let old = || Fault::new(Effect::Fail(mismatch.clone())).of_method("tunnel.create").times(1);
    simulator.inject(old());
    let outcome = session.call(tunnel(&picture, h1, Encapsulation::Vxlan)).await;
    assert!(reason(&outcome).contains("no vxlan tunnels: expected gre"), "{outcome:?}");
    simulator.inject(old());
    let outcome = session.call(tunnel(&picture, h1, Encapsulation::Gre)).await;
    assert_eq!(outcome, CallOutcome::Done);
    let network = only_network(&picture);
    let picture = picture_where(&session, "a tunnel", |picture| {
        picture.observed.networks[&network].tunnels.contains_key(&h1)
    });
    let protocol = picture.await.observed.networks[&network].tunnels[&h1].protocol;
    assert_eq!(protocol, Some(Encapsulation::Gre));
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_that_forgot_the_old_name_are_asked_by_the_new_one() {
    let simulator = start(spec(1));
    let removed = Failure::new("MESSAGE_REMOVED", [""; 0]);
    simulator.inject(Fault::new(Effect::Fail(removed)).of_method("pool.certificate_install"));
    let authority = Some(identity().certificate);
    let session = open(&XapiConfig { authority, ..config(&simulator, &["h1"]) });
    connected(&session).await;
    assert_eq!(session.call(PoolCall::InstallAuthority).await, CallOutcome::Done);
    assert_eq!(count(&simulator, "pool.install_ca_certificate"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_controllers_that_introduce_at_once_make_one() {
    let simulator = start(spec(1));
    let config = config(&simulator, &["h1"]);
    let (one, other) = (open(&config), open(&config));
    connected(&one).await;
    connected(&other).await;
    let call = || PoolCall::IntroduceController;
    let outcomes = tokio::join!(one.call(call()), other.call(call()));
    assert_eq!(outcomes, (CallOutcome::Done, CallOutcome::Done));
    assert_eq!(simulator.database().refs("SDN_controller").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_made_for_a_host_that_is_not_live() {
    let simulator = start(spec(2));
    let (session, picture) = with_network(&simulator, &config(&simulator, &["h1"])).await;
    simulator.set_live("h2", false);
    let h2 = host_uuid(&simulator, "h2");
    let outcome = session.call(tunnel(&picture, h2, Encapsulation::Vxlan)).await;
    assert!(reason(&outcome).contains("HOST_OFFLINE"), "{outcome:?}");
    assert!(simulator.database().refs("tunnel").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_without_a_ca_to_install_says_so() {
    let simulator = start(spec(1));
    let session = open(&config(&simulator, &["h1"]));
    connected(&session).await;
    let outcome = session.call(PoolCall::InstallAuthority).await;
    assert!(reason(&outcome).contains("no CA is configured"), "{outcome:?}");
}
