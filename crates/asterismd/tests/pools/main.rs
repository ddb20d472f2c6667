//! Pools behind a XAPI, from an operator's request to what is stored: a replica as a process against simulated pools.

// Clippy takes only functions with #[test] for tests; all of this is one.
#![allow(clippy::unwrap_used)]

#[path = "../support/outset.rs"]
mod outset;
#[path = "../support/ports.rs"]
mod ports;
mod replica;

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::Arc,
    thread,
    time::Duration,
};

use asterism_api::{
    Class, Failure,
    v1::{self, Severity, check_pool_request::Subject, xapi_trust::By},
};
use asterism_xapi_sim::{
    Effect, Failure as Denial, Fault, HostSpec, Listen, PoolSpec, RecordingAgent, Simulator,
};
use replica::Replica;

/// In no other file, and in no log.
const PASSWORD: &str = "correct-horse-battery-staple";

/// A pool of hosts `h1` to `hN` on loopback addresses; `h1` is master, and all have a NIC for tunnels.
fn pool(seed: u8, hosts: u8) -> Simulator {
    let host = |number: u8| {
        let address = [127, 0, seed, number].into();
        HostSpec::new(&format!("h{number}"), address)
            .with_interface("eth0", Some((address, 8)))
            .with_interface("eth1", Some(([10, seed, 0, number].into(), 24)))
    };
    let mut spec = PoolSpec::new("lab", (1..=hosts).map(host).collect());
    spec.password = PASSWORD.into();
    spec.seed = seed.into();
    let simulator = Simulator::start(spec, Arc::new(RecordingAgent::default()), Listen::https(0)).unwrap();
    simulator.set_wrong_password_delay(Duration::ZERO);
    simulator
}

fn pinned(fingerprint: &str) -> By {
    By::Fingerprints(v1::Fingerprints { sha256: vec![fingerprint.into()] })
}

fn first_use() -> By {
    By::FirstUse(v1::TrustOnFirstUse {})
}

fn access(address: &str, password: &str, by: By) -> v1::XapiAccess {
    v1::XapiAccess {
        addresses: vec![address.into()],
        user: "root".into(),
        password: Some(v1::Secret { text: password.into() }),
        trust: Some(v1::XapiTrust { by: Some(by) }),
    }
}

fn add(access: v1::XapiAccess) -> v1::AddXapiPoolRequest {
    v1::AddXapiPoolRequest { request_id: None, name: "xcp".into(), access: Some(access) }
}

/// Something that speaks HTTP in clear, and is no XAPI.
fn web_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    // Ends with the test's process.
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 1024];
            // What was asked, and whether the answer is heard, is the client's concern.
            let _ = stream.read(&mut request);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        }
    });
    address
}

fn told(failure: &Failure) -> (&str, &str) {
    assert_eq!(failure.class, Class::Refused, "{failure}");
    assert!(failure.message.contains("nothing was stored"), "{failure}");
    (&failure.reason, &failure.field)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_pool_is_told_and_nothing_is_stored() {
    let pool = pool(41, 2);
    let (master, slave) = (pool.url("h1"), pool.url("h2"));
    let shown = pool.fingerprint("h1").unwrap();
    let mut replica = Replica::start().await;

    let wrong = replica.call(add(access(&master, "wrong", pinned(&shown)))).await.unwrap_err();
    assert_eq!(told(&wrong), ("xapi_authentication", "access.password"));

    let other = "cd".repeat(32);
    let strange = replica.call(add(access(&master, PASSWORD, pinned(&other)))).await.unwrap_err();
    assert_eq!(told(&strange), ("xapi_fingerprint", "access.trust"));
    let seen: asterism_model::CertificateFingerprint = shown.parse().unwrap();
    assert!(strange.message.contains(&format!("--fingerprint {seen}")), "{strange}");

    let of_slave = replica.call(add(access(&slave, PASSWORD, first_use()))).await.unwrap_err();
    assert_eq!(told(&of_slave), ("xapi_slave", "access.addresses"));
    assert!(of_slave.message.contains(&format!("--xapi {master}")), "{of_slave}");

    let no_xapi = replica.call(add(access(&web_server(), PASSWORD, first_use()))).await.unwrap_err();
    assert_eq!(told(&no_xapi), ("not_xapi", "access.addresses"));

    let nobody = replica.call(add(access("http://127.0.0.1:1", PASSWORD, first_use()))).await.unwrap_err();
    assert_eq!(told(&nobody), ("xapi_unreachable", "access.addresses"));

    let denied = Denial::new("RBAC_PERMISSION_DENIED", ["pool.certificate_list", "no"]);
    pool.inject(Fault::new(Effect::Fail(denied)).of_method("pool.certificate_list"));
    let powerless = replica.call(add(access(&master, PASSWORD, pinned(&shown)))).await.unwrap_err();
    assert_eq!(told(&powerless), ("xapi_rights", "access.user"));
    assert!(powerless.message.contains("pool.certificate_list"), "{powerless}");

    assert_eq!(replica.pools().await, Vec::new());
    assert_eq!(replica.has_written(PASSWORD), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_is_added_once_and_its_password_is_written_nowhere() {
    let pool = pool(42, 2);
    let master = pool.url("h1");
    let mut replica = Replica::start().await;
    let id = replica.client.next_request_id().await.unwrap();
    let request_id = Some(asterism_api::convert::request_id_to_proto(id));
    let request = v1::AddXapiPoolRequest { request_id, ..add(access(&master, PASSWORD, first_use())) };
    let answer = replica.call(request.clone()).await.unwrap();
    let survey = answer.survey.unwrap();
    assert_eq!(survey.hosts.iter().map(|host| host.name.as_str()).collect::<Vec<_>>(), ["h1", "h2"]);

    let again = replica.call(request).await.unwrap();
    assert_eq!(
        again.receipt.unwrap().effect,
        answer.receipt.unwrap().effect,
        "a retry has the effect of one"
    );
    assert_eq!(again.survey, None, "nobody was asked again");

    let pools = replica.pools().await;
    let [stored] = pools.as_slice() else { panic!("{pools:?}") };
    let xapi = stored.xapi.clone().unwrap();
    assert_eq!((xapi.user.as_str(), xapi.addresses.as_slice()), ("root", [master.clone()].as_slice()));
    let Some(By::Fingerprints(known)) = xapi.trust.unwrap().by else {
        panic!("it was trusted by what it showed")
    };
    let shown: asterism_model::CertificateFingerprint = pool.fingerprint("h1").unwrap().parse().unwrap();
    assert!(known.sha256.contains(&shown.to_string()), "{known:?}");

    let second = add(access(&master, PASSWORD, first_use()));
    let refused = replica.call(v1::AddXapiPoolRequest { name: "other".into(), ..second }).await.unwrap_err();
    assert_eq!(refused.reason, "pool_known");

    assert!(replica.log().contains("sealed with"), "what was applied is logged");
    assert_eq!(replica.has_written(PASSWORD), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_is_tried_before_it_is_stored() {
    let pool = pool(43, 1);
    let mut replica = Replica::start().await;
    replica.call(add(access(&pool.url("h1"), PASSWORD, first_use()))).await.unwrap();
    let rotated = "another-horse-battery-staple";
    pool.set_password(rotated);
    let password = |text: &str| v1::ChangeXapiAccessRequest {
        request_id: None,
        pool: "xcp".into(),
        access: Some(v1::XapiAccess {
            password: Some(v1::Secret { text: text.into() }),
            ..Default::default()
        }),
    };
    let refused = replica.call(password(PASSWORD)).await.unwrap_err();
    assert_eq!(told(&refused), ("xapi_authentication", "access.password"));
    replica.call(password(rotated)).await.unwrap();
    let check = v1::CheckPoolRequest { subject: Some(Subject::Pool("xcp".into())) };
    replica.call(check).await.unwrap();
    assert_eq!(replica.has_written(rotated), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_says_what_would_stop_a_network_and_keeps_nothing() {
    let pool = pool(44, 2);
    pool.set_address("h2", "Pool-wide network associated with eth1", None);
    pool.set_pool_key("xo:sdn-controller:of-method", Some("channel"));
    let mut replica = Replica::start().await;
    let subject = Some(Subject::Access(access(&pool.url("h1"), PASSWORD, first_use())));
    let check = replica.call(v1::CheckPoolRequest { subject }).await.unwrap();
    let of = |severity: Severity| -> Vec<String> {
        let items = check.items.iter().filter(|item| item.severity() == severity);
        items.map(|item| format!("{}: {}", item.about, item.text)).collect()
    };
    assert_eq!(of(Severity::Blocking), Vec::<String>::new());
    let warnings = of(Severity::Warning).join("\n");
    assert!(
        warnings.contains("transport") && warnings.contains("(xenbr1) has no address on h2"),
        "{warnings}"
    );
    assert!(warnings.contains("xo:sdn-controller:of-method"), "{warnings}");
    assert_eq!(replica.pools().await, Vec::new());
    assert!(pool.calls().iter().all(|call| !call.method.contains("create")), "nothing is made there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_was_added_shows_its_hosts_and_its_health_and_goes_again() {
    let pool = pool(45, 2);
    let mut replica = Replica::start().await;
    replica.call(add(access(&pool.url("h1"), PASSWORD, first_use()))).await.unwrap();
    let is_read = |xapi: &v1::XapiPool| {
        let is_labelled = xapi.transports.iter().all(|transport| !transport.label.is_empty());
        !xapi.master.is_empty() && !xapi.transports.is_empty() && is_labelled
    };
    let shown = replica.pool_where("xcp", "the pool is read", is_read).await;
    assert_eq!(shown.hosts, ["xcp/h1", "xcp/h2"]);
    let xapi = shown.xapi.unwrap();
    assert_eq!(xapi.master, "xcp/h1");
    let tunnels = xapi.transports.iter().find(|transport| transport.name == "xenbr1").unwrap();
    assert_eq!((tunnels.label.as_str(), tunnels.hosts), ("Pool-wide network associated with eth1", 2));
    let status = xapi.status.unwrap();
    assert_eq!(status.session(), v1::Session::Connected);
    assert_eq!(status.address, pool.url("h1"));
    assert!(status.event_lag_ms.is_some() && !status.version.is_empty(), "{status:?}");
    let hosts = replica.call(v1::ListHostsRequest::default()).await.unwrap().hosts;
    let [host, _] = hosts.as_slice() else { panic!("{hosts:?}") };
    assert!(host.xapi.as_ref().is_some_and(|xapi| xapi.is_live && xapi.is_enabled && xapi.is_listed));
    assert_eq!(host.transports["xenbr1"].label.as_deref(), Some("Pool-wide network associated with eth1"));

    pool.set_enabled("h2", false);
    let is_disabled = |xapi: &v1::XapiPool| {
        xapi.hosts.iter().any(|host| host.xapi.as_ref().is_some_and(|xapi| !xapi.is_enabled))
    };
    replica.pool_where("xcp", "h2 is in maintenance", is_disabled).await;
    for host in ["h1", "h2"] {
        pool.stop_toolstack(host);
    }
    let is_lost = |xapi: &v1::XapiPool| {
        let lost =
            |status: &v1::PoolStatus| status.session() == v1::Session::Lost && !status.last_error.is_empty();
        xapi.status.as_ref().is_some_and(lost)
    };
    let lost = replica.pool_where("xcp", "the pool's XAPI is gone", is_lost).await;
    assert_eq!(lost.hosts.len(), 2, "a pool that says nothing keeps its hosts");

    let remove = v1::RemovePool { pool: "xcp".into(), force: true };
    let operation = Some(v1::write_request::Operation::RemovePool(remove));
    replica.call(v1::WriteRequest { request_id: None, operation }).await.unwrap();
    assert_eq!(replica.pools().await, Vec::new());
    assert_eq!(replica.has_written(PASSWORD), None);
}
