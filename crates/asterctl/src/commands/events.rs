//! `asterctl events`

use anyhow::Result;
use asterism_api::v1;
use clap::Args;

use crate::{
    args::ReadArgs,
    context::Context,
    output::{self, Format, document::Document},
    view::{View, event::EventView},
};

/// Tells what happened.
///
/// Oldest first: elections and their causes, hosts, networks, leaders. The cluster keeps the last thousand events. JSON
/// is one document a line.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl events
  asterctl events --follow
  asterctl events --follow --after 120 -o json | jq -r 'select(.event == \"star_center_elected\") | .text'")]
pub struct Events {
    /// Go on with events as they happen, over the death of any replica
    #[arg(short, long)]
    follow: bool,

    /// Only events with a greater sequence
    #[arg(long, value_name = "SEQUENCE", default_value_t = 0)]
    after: u64,

    #[command(flatten)]
    read: ReadArgs,
}

impl Events {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        let request = v1::WatchEventsRequest {
            consistency: self.read.consistency.to_proto(),
            after: self.after,
            follow: self.follow,
        };
        let mut expected = self.after + 1;
        let mut events = context.client.follow(request).await?;
        while let Some(event) = events.next().await? {
            if event.sequence > expected && self.after > 0 {
                output::notice(&format!(
                    "warning: events {expected} to {} are no longer kept",
                    event.sequence - 1
                ));
            }
            expected = event.sequence.saturating_add(1);
            output::data(&render(self.read.output.output, &EventView::from(event))?)?;
        }
        Ok(())
    }
}

fn render(format: Format, event: &EventView) -> Result<String> {
    let document = Document::one(EventView::KIND, None, event);
    match format {
        Format::Table => Ok(event.text()),
        Format::Json => document.to_json_line(),
        Format::Yaml => Ok(format!("---\n{}", document.to_yaml()?)),
    }
}
