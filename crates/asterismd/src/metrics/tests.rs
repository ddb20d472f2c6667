//! A scrape of a replica without hosts, and the texts that name metrics held against it.

use std::{collections::BTreeSet, fs, net::SocketAddr, path::Path, sync::Arc};

use asterism_model::{ClusterId, NodeId, Operation};
use asterism_planner::Evidence;
use asterism_raft::{PlainPeers, ReplicaConfig};
use expect_test::expect_file;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::*;
use crate::{leader::LeadingView, vitals::Vitals};

/// A cluster of one that is not initialised yet.
struct Stage {
    metrics: Metrics,
    show: watch::Sender<Arc<LeaderView>>,
    _files: TempDir,
}

impl Stage {
    async fn new() -> Self {
        let files = tempfile::tempdir().unwrap();
        let address = "127.0.0.1:1".to_owned();
        let config =
            ReplicaConfig::new(NodeId(1), "test".parse().unwrap(), files.path().join("data"), address);
        let replica = Replica::start(config, Arc::new(PlainPeers)).await.unwrap();
        let (show, view) = watch::channel(Arc::new(LeaderView::none()));
        let metrics = Metrics {
            replica,
            clock: Clock::start(),
            view,
            counters: Counters::default(),
            vitals: Vitals::of(files.path().to_owned(), 1 << 20),
            failover: Duration::from_secs(1),
            compared: watch::channel(Compared::default()).1,
        };
        Self { metrics, show, _files: files }
    }

    /// A leader that leads, with a pool.
    async fn initialise(&self) {
        let members = [(NodeId(1), "127.0.0.1:1".to_owned())].into();
        let replica = &self.metrics.replica;
        replica.initialise(members, Duration::from_secs(20)).await.unwrap();
        let cluster = Operation::InitCluster { cluster: ClusterId(7), name: "test".parse().unwrap() };
        let pool = Operation::AddPool { name: "p1".parse().unwrap() };
        for operation in [cluster, pool] {
            let now = self.metrics.clock.wall();
            replica.propose(operation, None, now, Duration::from_secs(20)).await.unwrap();
        }
        let leading = LeadingView {
            epoch: 1,
            revision: 1,
            lanes: Vec::new(),
            evidence: Evidence::default(),
            findings: Vec::new(),
            pools: [].into(),
            is_at_rest: true,
        };
        self.show.send_replace(Arc::new(LeaderView { leading: Some(leading) }));
    }
}

#[tokio::test]
async fn the_documentation_lists_each_metric_there_is() {
    let stage = Stage::new().await;
    let mut text = String::from(
        "# Metrics\n\n\
         What a replica tells Prometheus at `http://ADDRESS/metrics` once `[metrics] listen` is set, as OpenMetrics text. What \
         begins with \"On the leader\" has values on the leader only; ask all replicas and take the one that has them. Dashboard \
         and alert rules are in [cluster-config/monitoring](../cluster-config/monitoring). This page is made by a test\n\
         (`UPDATE_EXPECT=1 cargo nextest run -p asterismd metrics`).\n\n\
         | metric | kind | labels | |\n|---|---|---|---|\n",
    );
    for Definition { name, kind, labels, help } in stage.metrics.sheet().definitions() {
        let suffix = if *kind == "counter" { "_total" } else { "" };
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        text.push_str(&format!("| `{name}{suffix}` | {kind} | {} | {help} |\n", labels.join(", ")));
    }
    expect_file!["../../../../docs/METRICS.md"].assert_eq(&text);
}

#[tokio::test]
async fn a_scrape_is_openmetrics_with_types_and_help() {
    let stage = Stage::new().await;
    stage.initialise().await;
    let counters = &stage.metrics.counters;
    counters.transacted("p1/a", 3, &asterism_model::Outcome::Applied);
    counters.transacted("p1/a", 3, &asterism_model::Outcome::Fenced);
    counters.received("committed", 0.007);
    counters.pictured("p1/a", asterism_model::Timestamp(2500));
    let text = stage.metrics.sheet().to_text();
    for line in [
        "# TYPE asterism_raft_role gauge",
        "asterism_raft_role{role=\"leader\"} 1.0",
        "asterism_raft_role{role=\"follower\"} 0.0",
        "asterism_leader_at_rest 1.0",
        "asterism_findings{kind=\"no_able_host\"} 0.0",
        "asterism_pool_hosts{pool=\"p1\"} 0.0",
        "# TYPE asterism_host_transactions counter",
        "asterism_host_transactions_total{host=\"p1/a\",outcome=\"applied\"} 1",
        "asterism_host_transactions_total{host=\"p1/a\",outcome=\"fenced\"} 1",
        "asterism_host_rows_written_total{host=\"p1/a\"} 3",
        "asterism_host_last_picture_timestamp_seconds{host=\"p1/a\"} 2.5",
        "# TYPE asterism_receipt_seconds histogram",
        "asterism_receipt_seconds_bucket{le=\"0.01\",stage=\"committed\"} 1",
        "asterism_raft_proposals_total{outcome=\"applied\"} 2",
        "# HELP asterism_raft_term The term that it knows.",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in:\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
    let syncs = text.lines().find(|line| line.starts_with("asterism_raft_sync_seconds_count"));
    assert!(syncs.is_some_and(|line| !line.ends_with(" 0")), "the disk was synced: {syncs:?}");
}

#[tokio::test]
async fn the_listener_answers_scrapers_and_balancers_and_nobody_else() {
    let stage = Stage::new().await;
    let (_stop, stopped) = watch::channel(false);
    let any = "127.0.0.1:0".parse().unwrap();
    let (address, serving) = serve(any, stage.metrics.clone(), stopped).await.unwrap();
    let serving = tokio::spawn(serving);

    let ready = ask(address, "GET /readyz").await;
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("belongs to no cluster yet"), "{ready}");
    stage.initialise().await;
    let ready = ask(address, "GET /readyz").await;
    assert!(ready.starts_with("HTTP/1.1 200") && ready.contains("ready: node c1"), "{ready}");
    assert!(ask(address, "GET /healthz").await.starts_with("HTTP/1.1 200"));
    let scrape = ask(address, "GET /metrics").await;
    assert!(scrape.contains("application/openmetrics-text") && scrape.ends_with("# EOF\n"), "{scrape}");
    assert!(ask(address, "POST /metrics").await.starts_with("HTTP/1.1 405"));
    assert!(ask(address, "GET /etc/passwd").await.starts_with("HTTP/1.1 404"));
    serving.abort();
}

#[tokio::test]
async fn dashboard_and_alerts_name_metrics_that_exist() {
    let stage = Stage::new().await;
    let mut samples = BTreeSet::new();
    for Definition { name, kind, .. } in stage.metrics.sheet().definitions() {
        match *kind {
            "counter" => samples.extend([format!("{name}_total")]),
            "histogram" => samples.extend(["_bucket", "_sum", "_count"].map(|end| format!("{name}{end}"))),
            _ => samples.extend([(*name).to_owned()]),
        }
    }
    for (file, least) in [("alerts.yml", 15), ("dashboard.json", 20)] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cluster-config/monitoring").join(file);
        let text = fs::read_to_string(path).unwrap();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let named: BTreeSet<&str> =
            words.filter(|word| word.starts_with("asterism_") || word.starts_with("process_")).collect();
        assert!(named.len() >= least, "{file} names only {named:?}");
        let unknown: Vec<&&str> = named.iter().filter(|name| !samples.contains(**name)).collect();
        assert!(unknown.is_empty(), "{file} names metrics that are not there: {unknown:?}");
    }
}

async fn ask(address: SocketAddr, line: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{line} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
