//! Masters move, die, come back with old memories, and others pretend.

use asterism_model::{CallOutcome, PoolCall};
use asterism_xapi::XapiError;

use crate::support::{
    address, config, connected, connected_where, failed, key, open, picture_where, spec, start, uuid,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_slave_leads_to_its_master() {
    let simulator = start(spec(3));
    let session = open(&config(&simulator, &["h3"]));
    assert_eq!(connected(&session).await.master, address(&simulator, "h1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planned_change_of_masters_is_followed() {
    let simulator = start(spec(3));
    let session = open(&config(&simulator, &["h1"]));
    connected(&session).await;
    simulator.hand_over_mastership("h3");
    let new = address(&simulator, "h3");
    let pool = connected_where(&session, "moved", |pool| pool.master == new).await;
    let master = pool.picture.inventory.master;
    assert_eq!(pool.picture.inventory.hosts[&master].name.as_str(), "h3");
}

/// The operator named one host, which is gone; the others are known from the pool, and name the dead one.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_master_is_found_among_the_members_and_its_old_memory_is_taken() {
    let simulator = start(spec(3));
    let session = open(&config(&simulator, &["h1"]));
    connected(&session).await;
    simulator.back_up();
    let call = PoolCall::CreateNetwork { key: key(1), label: "n".into(), bridge: "ast1".into(), mtu: 1450 };
    assert_eq!(session.call(call.clone()).await, CallOutcome::Done);
    picture_where(&session, "the network", |picture| picture.observed.networks.len() == 1).await;
    simulator.crash_host("h1");
    simulator.reset_connections("h1");
    simulator.seize_mastership("h2");
    let new = address(&simulator, "h2");
    let pool = connected_where(&session, "moved", |pool| pool.master == new).await;
    assert!(pool.picture.observed.networks.is_empty(), "the database went back");
    assert_eq!(session.call(call).await, CallOutcome::Done);
    picture_where(&session, "the network again", |picture| picture.observed.networks.len() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ejected_host_is_no_longer_the_pool() {
    let simulator = start(spec(3));
    let expected = uuid(&simulator);
    let alone = config(&simulator, &["h3"]);
    simulator.eject_host("h3");
    let session = open(&alone);
    let error = failed(&session, |error| matches!(error, XapiError::WrongPool { .. })).await;
    assert!(error.to_string().contains(&expected.to_string()), "{error}");
    // With a member's address beside it, the pool is found.
    let both = asterism_xapi::XapiConfig {
        addresses: alone.addresses.union(&config(&simulator, &["h2"]).addresses).cloned().collect(),
        ..alone
    };
    let session = open(&both);
    assert_eq!(connected(&session).await.master, address(&simulator, "h1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn slaves_that_point_at_each_other_are_given_up() {
    let simulator = start(spec(3));
    simulator.set_master_hint("h2", "127.0.0.13");
    simulator.set_master_hint("h3", "127.0.0.12");
    let session = open(&config(&simulator, &["h2"]));
    let error = failed(&session, |_| true).await;
    assert!(matches!(&*error, XapiError::NoMaster { attempts } if attempts.len() == 2), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_master_does_not_hide_the_new_one() {
    let simulator = start(spec(3));
    let session = open(&config(&simulator, &["h1", "h2", "h3"]));
    connected(&session).await;
    // Its connections open, and nothing comes: what a hung dom0 looks like.
    simulator.freeze_host("h1");
    simulator.seize_mastership("h2");
    let new = address(&simulator, "h2");
    connected_where(&session, "moved", |pool| pool.master == new).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_in_an_emergency_is_waited_for() {
    let simulator = start(spec(2));
    simulator.set_emergency("h1", Some("HOST_STILL_BOOTING"));
    let session = open(&config(&simulator, &["h1"]));
    failed(&session, |error| matches!(error, XapiError::Emergency { .. })).await;
    simulator.set_emergency("h1", None);
    connected(&session).await;
}
