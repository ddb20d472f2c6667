//! `asterctl cluster init`

use std::collections::BTreeMap;

use anyhow::Result;
use asterism_api::{Class, v1};
use asterism_model::{ClusterId, Name};
use clap::Args;

use crate::{
    args::MemberArg,
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
  asterctl cluster init --name lab --member 1=127.0.0.1:7400")]
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

    #[command(flatten)]
    output: OutputArgs,
}

impl Init {
    pub async fn run(self, mut connection: ConnectionArgs) -> Result<()> {
        let cluster_id = self.cluster_id.unwrap_or_else(|| ClusterId(rand::random()));
        let request = self.request(cluster_id)?;
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
