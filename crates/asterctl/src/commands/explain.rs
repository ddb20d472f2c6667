//! `asterctl explain`

use anyhow::Result;
use asterism_api::v1::{self, explain_request::Subject};
use asterism_model::{HostRef, Name};
use clap::Args;

use crate::{
    args::ReadArgs,
    context::Context,
    output,
    view::{
        explanation::{ExplanationView, FindingView},
        index_of,
    },
};

/// Tells why a network or a host is as it is.
///
/// Of a network: who is center and why, who was passed over, who is next in line, what is waited for. Of a host: what the
/// evidence says of it, what it is in each network, and what the leader waits for.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl explain blue     # a network
  asterctl explain p1/a     # a host")]
pub struct Explain {
    /// A network, or a host as POOL/HOST
    #[arg(value_name = "NETWORK|POOL/HOST", value_parser = parse_subject)]
    subject: Asked,

    #[command(flatten)]
    read: ReadArgs,
}

#[derive(Debug, Clone)]
enum Asked {
    Network(Name),
    Host(HostRef),
}

fn parse_subject(text: &str) -> Result<Asked, String> {
    if text.contains('/') {
        text.parse().map(Asked::Host)
    } else {
        text.parse().map(Asked::Network).map_err(|error: asterism_model::NameError| error.to_string())
    }
}

impl Explain {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        let (request, subject) = self.request();
        let answer = context.client.call(request).await?;
        let findings = answer.findings.into_iter().map(FindingView::from).collect();
        let view = ExplanationView { subject, findings };
        output::data(&output::item(self.read.output.output, Some(index_of(answer.mark)), &view)?)
    }

    pub fn request(&self) -> (v1::ExplainRequest, String) {
        let (subject, text) = match &self.subject {
            Asked::Network(name) => (Subject::Network(name.to_string()), name.to_string()),
            Asked::Host(host) => (Subject::Host(host.to_string()), host.to_string()),
        };
        let consistency = self.read.consistency.to_proto();
        (v1::ExplainRequest { consistency, subject: Some(subject) }, text)
    }
}
