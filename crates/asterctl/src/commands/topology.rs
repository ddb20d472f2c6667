//! `asterctl topology`

use anyhow::Result;
use asterism_api::v1;
use asterism_model::Name;
use clap::Args;

use crate::{
    args::ConsistencyArgs,
    context::Context,
    exit::usage,
    output::{self, DrawingFormat, Format, dot, svg, tree},
    view::{index_of, topology::TopologyView},
};

/// Shows the star of stars: who is center and why, and which links are up.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl topology
  asterctl topology blue
  asterctl topology blue -o svg > blue.svg
  asterctl topology blue -o dot | dot -Tpdf > blue.pdf
  asterctl topology -o json | jq '.items[] | {network, root}'")]
pub struct ShowTopology {
    /// Only this network's
    #[arg(value_name = "NETWORK")]
    network: Option<Name>,

    /// How to show it
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = DrawingFormat::Tree)]
    output: DrawingFormat,

    #[command(flatten)]
    consistency: ConsistencyArgs,
}

impl ShowTopology {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        let request = v1::GetTopologyRequest {
            consistency: self.consistency.to_proto(),
            network: self.network.as_ref().map(Name::to_string),
        };
        let answer = context.client.call(request).await?;
        let index = index_of(answer.mark);
        output::data(&self.render(index, answer.topologies)?)
    }

    fn render(&self, index: u64, topologies: Vec<v1::Topology>) -> Result<String> {
        match self.output {
            DrawingFormat::Tree if topologies.is_empty() => {
                output::notice("there are no networks");
                Ok(String::new())
            }
            DrawingFormat::Tree => Ok(topologies.iter().map(tree::render).collect::<Vec<_>>().join("\n")),
            DrawingFormat::Json => self.document(Format::Json, index, topologies),
            DrawingFormat::Yaml => self.document(Format::Yaml, index, topologies),
            DrawingFormat::Dot => Ok(dot::render(one_drawing(&topologies)?)),
            DrawingFormat::Svg => Ok(svg::render(one_drawing(&topologies)?)),
        }
    }

    /// One that was asked for by name, or the list of all.
    fn document(&self, format: Format, index: u64, topologies: Vec<v1::Topology>) -> Result<String> {
        let mut views: Vec<TopologyView> = topologies.into_iter().map(TopologyView::from).collect();
        match (&self.network, views.pop()) {
            (Some(_), Some(view)) => output::item(format, Some(index), &view),
            (_, last) => {
                views.extend(last);
                output::list(format, index, &views)
            }
        }
    }
}

/// A drawing holds one network.
fn one_drawing(topologies: &[v1::Topology]) -> Result<&v1::Topology> {
    match topologies {
        [topology] => Ok(topology),
        [] => Err(usage("there is no network to draw: create one first")),
        several => {
            let names: Vec<&str> = several.iter().map(|topology| topology.network.as_str()).collect();
            Err(usage(format!("a drawing holds one network; name one of: {}", names.join(", "))))
        }
    }
}
