//! The program as its supervisor, its scraper and its fellow replicas meet it.

// Clippy takes only functions with #[test] for tests; all of this is one.
#![allow(clippy::unwrap_used)]

mod cluster;
#[path = "../support/outset.rs"]
mod outset;
#[path = "../support/ports.rs"]
mod ports;

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::net::UnixDatagram,
    path::Path,
    time::Duration,
};

use asterism_api::v1::{self, replica::Status, write_request};
use cluster::{Cluster, PATIENCE, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_hears_of_start_life_and_end() {
    let dir = tempfile::tempdir().unwrap();
    let socket = UnixDatagram::bind(dir.path().join("notify")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let name = dir.path().join("notify").display().to_string();
    let mut cluster = Cluster::new(1);
    cluster.start(1, &[("NOTIFY_SOCKET", &name), ("WATCHDOG_USEC", "600000")]);
    let first = heard(&socket);
    assert!(first.starts_with("READY=1\nSTATUS=replica 1 of test serves 127."), "{first}");
    assert_eq!(heard(&socket), "WATCHDOG=1", "though it belongs to no cluster yet");

    let metrics = cluster.metrics(1);
    assert!(get(&metrics, "/readyz").starts_with("HTTP/1.1 503"));
    cluster.initialise().await;
    assert!(get(&metrics, "/healthz").starts_with("HTTP/1.1 200"));
    let add = write_request::Operation::AddPool(v1::AddPool { name: "p1".into() });
    cluster.client.call(v1::WriteRequest { operation: Some(add), request_id: None }).await.unwrap();
    let wanted = [
        "asterism_raft_role{role=\"leader\"} 1.0",
        "asterism_receipt_seconds_count{stage=\"committed\"} 1",
        "asterism_receipt_seconds_count{stage=\"verified\"} 1",
        "asterism_writes_total{outcome=\"applied\"} 1",
        "asterism_pool_hosts{pool=\"p1\"} 0.0",
    ];
    eventually("the change in the metrics", async || {
        let text = get(&metrics, "/metrics");
        match wanted.iter().find(|line| !text.lines().any(|found| found == **line)) {
            None => Ok(()),
            Some(missing) => Err(format!("{missing} is missing in {text}")),
        }
    })
    .await;
    let probed = cluster.client.call(v1::ProbeRequest {}).await.unwrap();
    assert!(probed.node == 1 && probed.index > 0);
    let told = cluster.client.call(v1::GetMetricsRequest { node: 1 }).await.unwrap();
    assert!(told.openmetrics.contains("process_resident_memory_bytes"));
    assert!(cluster.client.call(v1::GetMetricsRequest { node: 9 }).await.is_err());

    cluster.terminate(1);
    let mut last = heard(&socket);
    while last == "WATCHDOG=1" {
        last = heard(&socket);
    }
    assert_eq!(last, "STOPPING=1");
    assert!(cluster.ended(1).await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_whose_state_differs_ends_and_does_not_come_back() {
    let mut cluster = Cluster::new(3);
    for node in 1..=3 {
        cluster.start(node, &[]);
    }
    cluster.initialise().await;
    // Enough entries for a snapshot, in which the fault is planted.
    for number in 0..130 {
        let name = format!("pool{number}");
        let operation = Some(write_request::Operation::AddPool(v1::AddPool { name }));
        cluster.client.call(v1::WriteRequest { operation, request_id: None }).await.unwrap();
    }
    eventually("a snapshot of replica 3", async || {
        let status = cluster.status(3).await?;
        if status.snapshot_index > 0 { Ok(()) } else { Err(format!("{status:?}")) }
    })
    .await;
    let digests = cluster.status(1).await.unwrap().digests;
    assert!(digests.len() < 40);
    cluster.terminate(3);
    assert!(cluster.ended(3).await.success());
    corrupt_snapshots(&cluster.data_dir(3).join("snapshots"));

    cluster.start(3, &[]);
    assert_eq!(cluster.ended(3).await.code(), Some(2), "{}", cluster.log(3));
    assert!(cluster.log(3).contains("differs from that of the majority"), "{}", cluster.log(3));
    cluster.start(3, &[]);
    assert_eq!(cluster.ended(3).await.code(), Some(1), "it has a note");
    assert!(cluster.log(3).contains("DIVERGED"), "{}", cluster.log(3));

    // The others go on.
    let probed = cluster.client.call(v1::ProbeRequest {}).await.unwrap();
    assert!(probed.node != 3);
    let all = cluster.client.call(v1::GetClusterStatusRequest { local: false }).await.unwrap();
    let answering = all.replicas.iter().filter(|it| matches!(it.status, Some(Status::Reachable(_))));
    assert_eq!(answering.count(), 2);
}

/// Another name for a pool, and a checksum that fits: what a machine does whose memory flips bits.
fn corrupt_snapshots(dir: &Path) {
    let mut corrupted = 0;
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        let Some(at) = bytes.windows(7).position(|window| window == b"\"pool7\"") else { continue };
        bytes[at + 5] = b'z';
        let end = bytes.len() - 4;
        let checksum = crc32c::crc32c(&bytes[..end]);
        bytes[end..].copy_from_slice(&checksum.to_le_bytes());
        fs::write(&path, bytes).unwrap();
        corrupted += 1;
    }
    assert!(corrupted > 0, "there is a snapshot with the pool in {}", dir.display());
}

fn heard(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 512];
    let length = socket.recv(&mut buffer).expect("the replica tells its supervisor in time");
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
