//! `asterctl support-bundle`

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use asterism_api::{
    Client,
    v1::{self, replica::Status},
};
use clap::Args;

use crate::{
    connection::ConnectionArgs,
    context::Context,
    health::{Check, Facts, examine},
    output::{self, Format, document::Document},
    view::{
        View, cluster::ClusterView, diagnosis::DiagnosisView, event::EventView, explanation::ExplanationView,
        host::HostView, index_of, network::NetworkView, overview::OverviewView, plan::PlanView,
        pool::PoolView, topology::TopologyView, verification::VerificationView,
    },
};

/// How much of a log's end is taken, in bytes.
const LOG_TAIL: u64 = 4 << 20;

/// Writes all that helps to find out what is wrong into one tar archive, and no secrets.
///
/// Status, state, plan, verification, explanations of all networks, events, metrics of the replicas, versions. What can't be had
/// (without a quorum, say) stands in errors.txt. Passwords and keys are in none of it; names and addresses are.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl support-bundle asterism.tar
  asterctl support-bundle asterism.tar --log /var/log/asterismd.log
  journalctl -u asterismd > node1.log; asterctl support-bundle asterism.tar --log node1.log")]
pub struct SupportBundle {
    /// The archive; it must not be there yet
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The log of a replica, whose end goes in; more than one may be given
    #[arg(long = "log", value_name = "FILE")]
    logs: Vec<PathBuf>,
}

impl SupportBundle {
    pub async fn run(self, connection: &ConnectionArgs) -> Result<()> {
        let shown = self.file.display();
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.file);
        let file = file.with_context(|| format!("making {shown}; it must not be there yet"))?;
        let mut bundle = Bundle::new(file);
        bundle.add("version.txt", &format!("asterctl {}\n", env!("CARGO_PKG_VERSION")))?;
        let mut context = Context::connect(connection)?;
        match Facts::gather(&mut context.client).await {
            Ok(facts) => bundle.add_facts(&mut context.client, facts).await?,
            Err(error) => bundle.miss("the cluster", &error),
        }
        for (number, log) in self.logs.iter().enumerate() {
            bundle.add_tail(&format!("logs/{}-{}", number + 1, file_name(log)), log)?;
        }
        let files = bundle.finish().with_context(|| format!("writing {shown}"))?;
        output::data(&format!("{shown}: {files} files\n"))
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The archive as it grows.
struct Bundle {
    archive: tar::Builder<File>,
    files: usize,
    errors: String,
}

impl Bundle {
    fn new(file: File) -> Self {
        Self { archive: tar::Builder::new(file), files: 0, errors: String::new() }
    }

    fn add(&mut self, name: &str, text: &str) -> Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        self.archive
            .append_data(&mut header, name, text.as_bytes())
            .with_context(|| format!("adding {name}"))?;
        self.files += 1;
        Ok(())
    }

    /// Something that can't be had; the rest is worth having.
    fn miss(&mut self, what: &str, why: &dyn std::fmt::Display) {
        self.errors.push_str(&format!("{what}: {why:#}\n"));
    }

    fn add_item<V: View>(&mut self, name: &str, index: Option<u64>, view: &V) -> Result<()> {
        let text = output::item(Format::Json, index, view)?;
        self.add(name, &text)
    }

    fn add_list<V: View>(&mut self, name: &str, index: u64, views: &[V]) -> Result<()> {
        let text = output::list(Format::Json, index, views)?;
        self.add(name, &text)
    }

    async fn add_facts(&mut self, client: &mut Client, facts: Facts) -> Result<()> {
        let index = match &facts.seen {
            Ok(seen) => index_of(seen.verification.mark),
            Err(why) => {
                self.miss("what the leader sees", why);
                0
            }
        };
        let diagnosis = DiagnosisView::of(&Check::ALL, examine(&facts));
        self.add("doctor.txt", &diagnosis.prescription())?;
        self.add_item("cluster.json", None, &ClusterView::from(facts.cluster.clone()))?;
        self.add_list(
            "pools.json",
            index,
            &facts.pools.iter().cloned().map(PoolView::from).collect::<Vec<_>>(),
        )?;
        self.add_list(
            "hosts.json",
            index,
            &facts.hosts.iter().cloned().map(HostView::from).collect::<Vec<_>>(),
        )?;
        let networks: Vec<NetworkView> = facts.networks.iter().cloned().map(NetworkView::from).collect();
        self.add_list("networks.json", index, &networks)?;
        let topologies: Vec<TopologyView> =
            facts.topologies.iter().cloned().map(TopologyView::from).collect();
        self.add_list("topologies.json", index, &topologies)?;
        if let Ok(seen) = &facts.seen {
            let view = VerificationView::from(seen.verification.clone());
            self.add_item("verify.json", Some(index), &view)?;
        }
        let has_leader = facts.seen.is_ok();
        let consistency = if has_leader { v1::Consistency::Linearizable } else { v1::Consistency::Stale };
        self.add_plan(client, consistency).await?;
        for network in &networks {
            self.add_explanation(client, consistency, &network.name).await?;
        }
        self.add_events(client, consistency).await?;
        for replica in &facts.cluster.replicas {
            if let Some(Status::Reachable(_)) = &replica.status {
                self.add_metrics(client, replica.node).await?;
            }
        }
        self.add("status.txt", &OverviewView::of(facts, diagnosis.symptoms).text())
    }

    async fn add_plan(&mut self, client: &mut Client, consistency: v1::Consistency) -> Result<()> {
        match client.call(v1::GetPlanRequest { consistency: consistency.into() }).await {
            Ok(plan) => {
                let index = index_of(plan.mark);
                self.add_item("plan.json", Some(index), &PlanView::from(plan))
            }
            Err(failure) => {
                self.miss("the plan", &failure);
                Ok(())
            }
        }
    }

    async fn add_explanation(
        &mut self,
        client: &mut Client,
        consistency: v1::Consistency,
        network: &str,
    ) -> Result<()> {
        let subject = Some(v1::explain_request::Subject::Network(network.to_owned()));
        match client.call(v1::ExplainRequest { consistency: consistency.into(), subject }).await {
            Ok(answer) => {
                let findings = answer.findings.into_iter().map(Into::into).collect();
                let view = ExplanationView { subject: network.to_owned(), findings };
                self.add(&format!("explain/{network}.txt"), &view.text())
            }
            Err(failure) => {
                self.miss(&format!("the explanation of network {network}"), &failure);
                Ok(())
            }
        }
    }

    async fn add_events(&mut self, client: &mut Client, consistency: v1::Consistency) -> Result<()> {
        let request = v1::WatchEventsRequest { consistency: consistency.into(), after: 0, follow: false };
        let mut text = String::new();
        let told = async {
            let mut events = client.follow(request).await?;
            while let Some(event) = events.next().await? {
                text.push_str(&Document::one(EventView::KIND, None, &EventView::from(event)).to_json_line()?);
            }
            anyhow::Ok(())
        };
        if let Err(failure) = told.await {
            self.miss("events", &failure);
        }
        self.add("events.jsonl", &text)
    }

    async fn add_metrics(&mut self, client: &mut Client, node: u64) -> Result<()> {
        match client.call(v1::GetMetricsRequest { node }).await {
            Ok(answer) => self.add(&format!("metrics/replica{node}.txt"), &answer.openmetrics),
            Err(failure) => {
                self.miss(&format!("metrics of replica {node}"), &failure);
                Ok(())
            }
        }
    }

    fn add_tail(&mut self, name: &str, path: &Path) -> Result<()> {
        let read = || -> std::io::Result<String> {
            let mut file = File::open(path)?;
            let size = file.metadata()?.len();
            file.seek(SeekFrom::Start(size.saturating_sub(LOG_TAIL)))?;
            let mut bytes = Vec::new();
            file.take(LOG_TAIL).read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        match read() {
            Ok(text) => self.add(name, &text),
            Err(error) => {
                self.miss(&path.display().to_string(), &error);
                Ok(())
            }
        }
    }

    /// How many files there are in it.
    fn finish(mut self) -> Result<usize> {
        if !self.errors.is_empty() {
            let errors = std::mem::take(&mut self.errors);
            self.add("errors.txt", &errors)?;
        }
        let mut file = self.archive.into_inner()?;
        file.flush()?;
        file.sync_all()?;
        Ok(self.files)
    }
}
