//! `asterctl adopt`

use std::{collections::BTreeMap, str::FromStr};

use anyhow::Result;
use asterism_api::v1;
use asterism_model::{Name, XapiUuid};
use clap::Args;

use crate::{
    args::WriteArgs,
    context::Context,
    exit::Problem,
    output::{self, table::counted},
    view::adoption::AdoptionView,
};

/// Takes over networks that Xen Orchestra's plugin made.
///
/// Shows what it finds in the pools and what would become of it on each host; takes it over with --yes, all of it or nothing.
/// No tunnel is made or removed: ports and networks that are there become ours by their marks, with single resilience and the
/// star-center that they have.
#[derive(Debug, Args)]
#[command(after_help = "\
The pools must have been added, and their hosts must answer. Xen Orchestra's plugin sdn-controller must be off: it would
rebuild the tunnels. Keys that it or its server left in a pool look as if it were on; --plugin-is-off says that they are old.

Examples:
  asterctl adopt --pool xcp                                   # shows, changes nothing
  asterctl adopt --pool xcp1 --pool xcp2 --network 'my net' --yes
  asterctl adopt --pool xcp --name 7f5c3b1e-0000-4000-8000-000000000001=blue --yes
  asterctl adopt --pool xcp --plugin-is-off xcp --yes
  asterctl network update blue --resilience dual              # afterwards")]
pub struct Adopt {
    /// A pool whose networks to look at; a network over several pools needs all of them
    #[arg(long = "pool", value_name = "POOL", required = true)]
    pools: Vec<Name>,

    /// Only this network: Xen Orchestra's name or uuid of it, or the name that it would have here
    #[arg(long = "network", value_name = "NETWORK")]
    networks: Vec<String>,

    /// What to call a network here, by Xen Orchestra's uuid of it
    #[arg(long = "name", value_name = "UUID=NAME")]
    names: Vec<NameArg>,

    /// The plugin is off, whatever signs of it the pool has
    #[arg(long, value_name = "POOL")]
    plugin_is_off: Vec<Name>,

    /// Change nothing, which is the default
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,

    /// Take them over
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    pub write: WriteArgs,
}

#[derive(Debug, Clone)]
struct NameArg(XapiUuid, Name);

impl FromStr for NameArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (uuid, name) =
            text.split_once('=').ok_or_else(|| format!("`{text}` is no UUID=NAME of a network"))?;
        Ok(Self(
            uuid.parse().map_err(|error| format!("{error}"))?,
            name.parse().map_err(|error| format!("{error}"))?,
        ))
    }
}

impl Adopt {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        if !self.yes {
            let view = AdoptionView::from(context.client.call(self.request(None)).await?);
            output::data(&output::item(self.write.output.output, None, &view)?)?;
            return match view.is_adoptable() {
                true => Ok(()),
                false => {
                    Err(Problem::NotWell("nothing was changed, and --yes would be refused".into()).into())
                }
            };
        }
        let answer = context.commit_as(&self.write, |id| self.request(Some(id))).await?;
        let receipt = answer.receipt.unwrap_or_default();
        let view = AdoptionView::from(answer);
        let names: Vec<&str> = view.networks.iter().map(|network| network.name.as_str()).collect();
        let done = format!("{} adopted: {}", counted(names.len(), "network"), names.join(", "));
        context.reach(&self.write, &receipt, None, done).await
    }

    /// With an identity: to take them over.
    pub fn request(&self, request_id: Option<v1::RequestId>) -> v1::AdoptRequest {
        let text = |names: &[Name]| names.iter().map(ToString::to_string).collect();
        let names: BTreeMap<String, String> =
            self.names.iter().map(|NameArg(uuid, name)| (uuid.to_string(), name.to_string())).collect();
        v1::AdoptRequest {
            request_id,
            pools: text(&self.pools),
            networks: self.networks.clone(),
            names,
            plugin_is_off: text(&self.plugin_is_off),
            commit: self.yes,
        }
    }
}
