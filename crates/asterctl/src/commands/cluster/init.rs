//! `asterctl cluster init`

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use anyhow::Result;
use asterism_api::{Class, client::RestoreSnapshot, v1};
use asterism_model::{ClusterId, Name, NodeId, backup::Backup};
use clap::Args;

use crate::{
    args::MemberArg,
    commands::snapshot,
    connection::ConnectionArgs,
    context::Context,
    exit::usage,
    output::{self, OutputArgs},
    view::cluster::InitView,
};

/// Makes a cluster of replicas that run and belong to none yet.
///
/// It is asked of the first member, unless --endpoints names others. Run again with the same --cluster-id, it has the
/// effect of one.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl cluster init --member 1=10.0.0.1:7400 --member 2=10.0.0.2:7400 --member 3=10.0.0.3:7400
  asterctl cluster init --name lab --member 1=127.0.0.1:7400
  asterctl cluster init --restore asterism.snapshot --member 4=10.0.0.1:7400 --member 5=10.0.0.2:7400 --member 6=10.0.0.3:7400")]
pub struct Init {
    /// A voter: its node id, and where the others reach it
    #[arg(long = "member", value_name = "ID=HOST:PORT", required = true)]
    members: Vec<MemberArg>,

    /// The cluster's name; else the one in the asked replica's configuration
    #[arg(long)]
    name: Option<Name>,

    /// The identity of a cluster that was to be made by an earlier try; else a random one
    #[arg(long, value_name = "32 HEX DIGITS")]
    cluster_id: Option<ClusterId>,

    /// Begin with the state of this snapshot file, as the same cluster; the members need ids that were never used in it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["cluster_id", "name"])]
    restore: Option<PathBuf>,

    #[command(flatten)]
    output: OutputArgs,
}

impl Init {
    pub async fn run(self, mut connection: ConnectionArgs) -> Result<()> {
        let restored = self.restore.as_deref().map(snapshot::read).transpose()?;
        let identity = restored.as_ref().map(|(_, backup)| backup.head.cluster.clone());
        let cluster_id = identity.as_ref().map(|identity| identity.id).or(self.cluster_id);
        let cluster_id = cluster_id.unwrap_or_else(|| ClusterId(rand::random()));
        let mut request = self.request(cluster_id)?;
        if let (Some((_, backup)), Some(identity)) = (&restored, &identity) {
            require_new_ids(&request, backup)?;
            request.name = identity.name.to_string();
        }
        if connection.endpoints.is_empty() {
            connection.endpoints = self.members.iter().map(|member| member.address.clone()).take(1).collect();
        }
        let mut context = Context::connect(&connection)?;
        let answer = context.client.call(request).await.map_err(|failure| match failure.class {
            Class::OutcomeUnknown => failure
                .with_hint(format_args!("run it again with --cluster-id {cluster_id} to learn the outcome")),
            Class::Refused | Class::NotFound | Class::Unavailable | Class::NotPermitted | Class::Internal => {
                failure
            }
        })?;
        if let Some((bytes, _)) = restored {
            context.client.call(RestoreSnapshot(Arc::from(bytes))).await.map_err(|failure| {
                failure.with_hint("the replicas are a cluster without its state yet; run the same again")
            })?;
        }
        let members = self.members.len();
        let v1::InitClusterResponse { cluster_id, name } = answer;
        output::data(&output::item(self.output.output, None, &InitView { name, cluster_id, members })?)
    }

    pub fn request(&self, cluster_id: ClusterId) -> Result<v1::InitClusterRequest> {
        let mut members = BTreeMap::new();
        for MemberArg { node, address } in &self.members {
            if members.insert(*node, address.clone()).is_some() {
                return Err(usage(format!("--member: node {node} is given twice; expected each id once")));
            }
        }
        Ok(v1::InitClusterRequest {
            cluster_id: cluster_id.to_string(),
            name: self.name.as_ref().map(Name::to_string).unwrap_or_default(),
            members,
        })
    }
}

/// Replicas of the old timeline that live would take new ones under old ids for members of theirs.
fn require_new_ids(request: &v1::InitClusterRequest, backup: &Backup) -> Result<()> {
    let retired = backup.state.membership().retired();
    let is_used = |node: &&NodeId| backup.head.members.contains_key(*node) || retired.contains(*node);
    let nodes: Vec<NodeId> = request.members.keys().map(|node| NodeId(*node)).collect();
    let Some(used) = nodes.iter().find(is_used) else { return Ok(()) };
    let highest = backup.head.members.keys().chain(retired).map(|node| node.0).max().unwrap_or(0);
    Err(usage(format!(
        "--member: id {} was used in this cluster, and a replica that had it may live; expected ids from {} on",
        used.0,
        highest + 1
    )))
}
