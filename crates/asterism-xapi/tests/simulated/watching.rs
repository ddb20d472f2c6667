//! What happens in a pool is seen, also what XAPI forgets to tell.

use asterism_model::{HostInventory, XapiUuid};
use asterism_xapi::PoolPicture;
use asterism_xapi_sim::{PoolSpec, Value, Version};

use crate::support::{
    TRANSPORT, config, connected, count, host, host_uuid, open, picture_where, spec, start,
};

fn of(picture: &PoolPicture, host: XapiUuid) -> Option<&HostInventory> {
    picture.inventory.hosts.get(&host)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_followed_from_joining_to_leaving() {
    let simulator = start(spec(2));
    let session = open(&config(&simulator, &["h1"]));
    connected(&session).await;
    simulator.join_host(&host(3)).unwrap();
    let h3 = host_uuid(&simulator, "h3");
    picture_where(&session, "joined, disabled", |picture| {
        of(picture, h3).is_some_and(|host| !host.is_enabled && host.is_live && host.transports.len() == 2)
    })
    .await;
    simulator.set_enabled("h3", true);
    picture_where(&session, "enabled", |picture| of(picture, h3).is_some_and(|host| host.is_enabled)).await;
    simulator.set_address("h3", TRANSPORT, Some(([10, 1, 0, 99].into(), 24)));
    picture_where(&session, "moved", |picture| {
        let transports = of(picture, h3).map(|host| &host.transports);
        transports
            .is_some_and(|all| all.values().any(|transport| transport.address.to_string() == "10.1.0.99"))
    })
    .await;
    simulator.shut_down_host("h3");
    picture_where(&session, "dead", |picture| of(picture, h3).is_some_and(|host| !host.is_live)).await;
    simulator.boot_host("h3");
    picture_where(&session, "back", |picture| {
        of(picture, h3).is_some_and(|host| host.is_live && host.is_enabled)
    })
    .await;
    simulator.eject_host("h3");
    picture_where(&session, "gone", |picture| of(picture, h3).is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_deletions_are_found_by_the_counts() {
    let simulator = start(spec(1));
    let session = open(&config(&simulator, &["h1"]));
    connected(&session).await;
    let made = simulator.edit(|database| {
        let row = |number: usize| [("bridge", Value::text(format!("br{number}")))];
        (0..600).map(|number| database.create("network", row(number))).collect::<Vec<_>>()
    });
    picture_where(&session, "600 networks", |picture| picture.observed.foreign_bridges.len() >= 600).await;
    let rereads = count(&simulator, "network.get_all_records");
    // XAPI remembers the last few hundred of these.
    simulator.edit(|database| made.iter().for_each(|network| database.destroy("network", network)));
    picture_where(&session, "none of them", |picture| picture.observed.foreign_bridges.len() < 10).await;
    assert_eq!(count(&simulator, "network.get_all_records"), rereads + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_is_watched() {
    for version in Version::ALL {
        let simulator = start(PoolSpec { version, ..spec(2) });
        let session = open(&config(&simulator, &["h1"]));
        let pool = connected(&session).await;
        assert!(pool.version.starts_with("XCP-ng 8."), "{}", pool.version);
        let h2 = host_uuid(&simulator, "h2");
        assert_eq!(of(&pool.picture, h2).unwrap().transports.len(), 2, "{version:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_hosts_change_costs_one_answer() {
    let simulator = start(spec(8));
    let session = open(&config(&simulator, &["h1"]));
    let before = connected(&session).await;
    crate::support::until("listed", || count(&simulator, "pool.certificate_list") == 1).await;
    simulator.clear_calls();
    let h5 = host_uuid(&simulator, "h5");
    simulator.set_enabled("h5", false);
    let after =
        picture_where(&session, "disabled", |picture| of(picture, h5).is_some_and(|host| !host.is_enabled))
            .await;
    let methods: std::collections::BTreeSet<String> =
        simulator.calls().into_iter().map(|call| call.method).collect();
    assert_eq!(methods.into_iter().collect::<Vec<_>>(), ["event.from"]);
    assert!(after.observed.picture > before.picture.observed.picture);
}
