//! Who gets in, who may do what, who changed what, and certificates that change under way: replicas with TLS on loopback.

// Clippy takes only functions with #[test] for tests; all of this is one.
#![allow(clippy::unwrap_used)]

mod cluster;
#[path = "../support/outset.rs"]
mod outset;
#[path = "../support/ports.rs"]
mod ports;

use std::{
    fs,
    io::{ErrorKind, Read as _},
    net::TcpStream,
    time::Duration,
};

use asterism_api::{Class, v1};
use asterism_model::{AccessRole, Caller, NodeId};
use asterism_pki::{Authority, DAY, Issued, Keys, Subject, files};
use asterismd::access::caller;
use cluster::{
    Cluster, HEALTH, LIST, RAFT, STATUS, WRITE, add_pool, ask, client, is_denied, now, require, until,
    was_heard,
};
use v1::audit_entry::Result as Outcome;

/// The trail in short: who, as what, which operation, on what, and what came of it.
async fn trail(cluster: &Cluster) -> Vec<String> {
    let mut admin = cluster.client("admin", &cluster.addresses);
    let entries = admin.call(v1::ListAuditRequest::default()).await.unwrap().entries;
    let told = entries.into_iter().map(|entry| {
        let result = match entry.result.unwrap() {
            Outcome::Applied(_) => "applied",
            Outcome::Refused(_) => "refused",
            Outcome::NotPermitted(_) => "not permitted",
        };
        let v1::AuditEntry { name, role, from, operation, subject, .. } = entry;
        format!("{name} {role} {from} {operation} {subject}: {result}")
    });
    told.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_does_what_it_may_on_every_replica_and_the_trail_names_it() {
    let cluster = Cluster::start(3, "").await;
    cluster.issue("victor", AccessRole::Viewer);
    cluster.issue("olga", AccessRole::Operator);
    let (leader, follower) = cluster.leader_and_follower().await;

    for at in [leader, follower] {
        let mut viewer = cluster.client("victor", &[at]);
        viewer.call(v1::ListPoolsRequest::default()).await.unwrap();
        for refused in [
            viewer.call(add_pool("p9")).await.map(drop),
            viewer.call(v1::ListAuditRequest::default()).await.map(drop),
        ] {
            let failure = refused.unwrap_err();
            assert_eq!(failure.class, Class::NotPermitted, "{failure}");
            assert!(failure.message.contains("victor has the role viewer"), "{failure}");
        }
        let mut operator = cluster.client("olga", &[at]);
        let init = operator.call(v1::InitClusterRequest::default()).await.unwrap_err();
        assert!(init.message.contains("takes admin"), "{init}");
    }
    cluster.client("olga", &[follower]).call(add_pool("p1")).await.unwrap();
    cluster.client("admin", &[leader]).call(add_pool("p1")).await.unwrap_err();

    let expected = [
        "admin admin 127.0.0.1 init_cluster test: applied",
        "olga operator 127.0.0.1 add_pool p1: applied",
        "admin admin 127.0.0.1 add_pool p1: refused",
    ];
    let told = trail(&cluster).await;
    let changes: Vec<&String> = told.iter().filter(|entry| !entry.contains("not permitted")).collect();
    assert_eq!(changes, expected);
    // They come by themselves, also from followers.
    for denied in [
        "victor viewer 127.0.0.1 Write : not permitted",
        "olga operator 127.0.0.1 InitCluster : not permitted",
    ] {
        until(denied, async || require(trail(&cluster).await.iter().any(|entry| entry == denied), "not yet"))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_speaks_with_replicas_and_for_others_and_never_for_itself() {
    let cluster = Cluster::start(1, "").await;
    let (at, ca, node) = (cluster.addresses[0], cluster.ca(), cluster.pair("node1"));
    assert!(ask(at, &ca, Some(&node), STATUS, |_| {}).await.is_ok());
    for path in [WRITE, LIST] {
        assert!(is_denied(&ask(at, &ca, Some(&node), path, |_| {}).await), "{path}");
    }
    let named = |name: &str, role| Caller { name: name.into(), role, from: "10.0.0.9".into() };
    let tell = |caller: Caller| {
        move |request: &mut tonic::Request<()>| caller::tell(request.metadata_mut(), &caller)
    };
    let viewer = ask(at, &ca, Some(&node), WRITE, tell(named("victor", AccessRole::Viewer))).await;
    assert!(is_denied(&viewer), "the role that a node tells counts: {viewer:?}");
    let listed = ask(at, &ca, Some(&node), LIST, tell(named("victor", AccessRole::Viewer))).await;
    assert!(listed.is_ok(), "{listed:?}");

    // A node that is no member speaks for nobody, and nobody but a node speaks for others.
    let stranger = Subject::Node { node: NodeId(9), addresses: vec!["127.0.0.1".into()] };
    let stranger = cluster.authority().issue(&stranger, now(), 1).unwrap();
    assert!(is_denied(&ask(at, &ca, Some(&stranger), LIST, tell(named("root", AccessRole::Admin))).await));
    cluster.issue("victor", AccessRole::Viewer);
    let pair = cluster.pair("victor");
    assert!(is_denied(&ask(at, &ca, Some(&pair), WRITE, tell(named("root", AccessRole::Admin))).await));
    for path in [RAFT, "/asterism.admin.v1.Admin/ReportDenied"] {
        let admin = ask(at, &ca, Some(&cluster.pair("admin")), path, |_| {}).await;
        assert!(is_denied(&admin), "{path}: {admin:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_nobody_foreign_expired_or_without_a_role_gets_in_nowhere() {
    let cluster = Cluster::start(1, "").await;
    let (at, ca, authority) = (cluster.addresses[0], cluster.ca(), cluster.authority());
    let admin = Subject::Caller { name: "eve".parse().unwrap(), role: AccessRole::Admin };
    let foreign =
        Authority::create("another", Keys::Ecdsa, now(), 10).unwrap().issue(&admin, now(), 5).unwrap();
    let ended = authority.issue_between(&admin, now() - 9 * DAY, now() - DAY).unwrap();
    let to_come = authority.issue_between(&admin, now() + DAY, now() + 9 * DAY).unwrap();
    let of_node = Subject::Node { node: NodeId(1), addresses: vec!["127.0.0.1".into()] };
    let ended_node = authority.issue_between(&of_node, now() - 9 * DAY, now() - DAY).unwrap();
    let nobodies: [(&str, Option<&Issued>); 5] = [
        ("none", None),
        ("foreign", Some(&foreign)),
        ("ended", Some(&ended)),
        ("not yet valid", Some(&to_come)),
        ("a node's that has ended", Some(&ended_node)),
    ];
    for path in [STATUS, WRITE, RAFT, HEALTH, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"] {
        for (what, pair) in nobodies {
            let answer = ask(at, &ca, pair, path, |_| {}).await;
            assert!(answer.is_err() && !was_heard(&answer), "{what} at {path}: {answer:?}");
        }
        let other = Subject::Other { name: "x".into(), names: vec!["x.example".into()], keys: Keys::Ecdsa };
        for (what, subject) in [("hosts'", Subject::Ovsdb), ("without a role", other)] {
            let answer =
                ask(at, &ca, Some(&authority.issue(&subject, now(), 1).unwrap()), path, |_| {}).await;
            assert!(is_denied(&answer), "{what} at {path}: {answer:?}");
        }
    }
    // The same way in works for who may.
    assert!(ask(at, &ca, Some(&cluster.pair("admin")), STATUS, |_| {}).await.is_ok());
    assert!(was_heard(&ask(at, &ca, Some(&cluster.pair("admin")), HEALTH, |_| {}).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_does_not_outlive_its_certificate() {
    let cluster = Cluster::start(1, "").await;
    let subject = Subject::Caller { name: "brief".parse().unwrap(), role: AccessRole::Viewer };
    let pair = cluster.authority().issue_between(&subject, now() - DAY, now() + 3).unwrap();
    let mut brief = client(&cluster.ca(), &pair, &cluster.addresses);
    brief.call(v1::ListPoolsRequest::default()).await.unwrap();
    until("the certificate has ended", async || match brief.call(v1::ListPoolsRequest::default()).await {
        Ok(_) => require(false, "it is still let in"),
        Err(failure) => require(failure.message.contains("has ended"), failure),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_authority_takes_over_without_a_restart() {
    let cluster = Cluster::start(3, "").await;
    let old_admin = cluster.pair("admin");
    let new = tempfile::tempdir().unwrap();
    outset::make(new.path(), 1..=3);
    let (old_ca, new_ca) = (cluster.ca(), fs::read_to_string(new.path().join("ca.pem")).unwrap());
    let both = format!("{old_ca}{new_ca}");
    let copy = |name: &str| {
        fs::copy(new.path().join(name), cluster.dir.path().join(name)).unwrap();
    };
    let new_pair = |name: &str| Issued {
        certificate_pem: fs::read_to_string(files::certificate_path(new.path(), name)).unwrap(),
        key_pem: fs::read_to_string(files::key_path(new.path(), name)).unwrap(),
    };
    let new_admin = new_pair("admin");

    assert!(ask(cluster.addresses[0], &old_ca, Some(&new_admin), STATUS, |_| {}).await.is_err());
    fs::write(cluster.dir.path().join("ca.pem"), &both).unwrap();
    for at in &cluster.addresses {
        until("the other authority is trusted", async || {
            require(ask(*at, &both, Some(&new_admin), STATUS, |_| {}).await.is_ok(), "not yet")
        })
        .await;
    }
    // A key that is not the certificate's is not taken up, and told.
    copy("node1.key");
    let mut admin = client(&both, &new_admin, &cluster.addresses[..1]);
    until("what does not fit is told", async || {
        let status = admin.call(v1::GetClusterStatusRequest { local: true }).await?;
        let told = format!("{:?}", status.replicas);
        require(told.contains("tls.key") && told.contains("not taken up"), told)
    })
    .await;
    for name in ["node1.pem", "node2.key", "node2.pem", "node3.key", "node3.pem"] {
        copy(name);
    }
    for at in &cluster.addresses {
        until("the new certificate is shown", async || {
            require(ask(*at, &new_ca, Some(&new_admin), STATUS, |_| {}).await.is_ok(), "not yet")
        })
        .await;
    }
    fs::write(cluster.dir.path().join("ca.pem"), &new_ca).unwrap();
    for at in &cluster.addresses {
        until("the old authority is trusted no longer", async || {
            require(ask(*at, &new_ca, Some(&old_admin), STATUS, |_| {}).await.is_err(), "not yet")
        })
        .await;
    }
    // The replicas speak with one another by the new certificates: followers pass on, and a majority commits.
    for (number, at) in cluster.addresses.iter().enumerate() {
        let mut admin = client(&new_ca, &new_admin, &[*at]);
        until("changes are committed", async || admin.call(add_pool(&format!("p{number}"))).await.map(drop))
            .await;
    }
    let status = admin_status(&cluster, &new_ca, &new_admin).await;
    assert!(
        status.replicas.iter().all(|replica| matches!(&replica.status,
        Some(v1::replica::Status::Reachable(status)) if status.certificate_alarms.is_empty()
            && status.certificate_ends_ms > 0)),
        "{status:?}"
    );
}

async fn admin_status(cluster: &Cluster, ca: &str, admin: &Issued) -> v1::ClusterStatus {
    let mut admin = client(ca, admin, &cluster.addresses);
    until("all replicas answer one another, and none has a complaint", async || {
        let status = admin.call(v1::GetClusterStatusRequest { local: false }).await?;
        let is_well = status.replicas.iter().all(|replica| {
            matches!(&replica.status, Some(v1::replica::Status::Reachable(status)) if status.certificate_alarms.is_empty())
        });
        require(is_well, format!("{status:?}")).map(|()| status)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_too_fast_or_too_many_is_refused_and_said_so() {
    let limits = "[limits]\nconnections_per_address = 16\nwrites_per_second = 3\nrequest_bytes = 65536\n";
    let cluster = Cluster::start(1, limits).await;
    let mut admin = cluster.client("admin", &cluster.addresses);
    let large = admin.call(add_pool(&"x".repeat(70_000))).await.unwrap_err();
    assert!(large.message.contains("too large") && large.class == Class::Refused, "{large:?}");

    let mut refused = Vec::new();
    for number in 0..50 {
        refused.extend(admin.call(add_pool(&format!("p{number}"))).await.err());
    }
    let too_fast = refused.first().expect("fifty in a moment are too many");
    assert_eq!((too_fast.reason.as_str(), too_fast.class), ("rate_limited", Class::Refused), "{too_fast}");
    admin.call(v1::ListPoolsRequest::default()).await.unwrap();

    let open: Vec<TcpStream> = (0..40).map(|_| TcpStream::connect(cluster.addresses[0]).unwrap()).collect();
    let is_closed = |mut stream: &TcpStream| {
        stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        match stream.read(&mut [0]) {
            Ok(read) => read == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    };
    until("connections over the limit are closed", async || {
        let closed = open.iter().filter(|stream| is_closed(stream)).count();
        require(closed >= 24, closed)
    })
    .await;
    admin.call(v1::ListPoolsRequest::default()).await.unwrap();
}
