//! Waits until a change got as far as was asked, and says on stderr how far it is.

mod line;
pub mod moves;

use std::{fmt::Write as _, pin::pin};

use anyhow::Result;
use asterism_api::{Class, Client, v1};
use tokio::time::{Instant, timeout_at};

use crate::{args::WriteArgs, exit::Problem, output};
use line::ProgressLine;

/// Hosts that are named in a line of progress.
const NAMED: usize = 4;

/// Returns when the revision is reached by all hosts that are waited for. Hosts that do not answer are named.
///
/// # Errors
/// [`Problem::NotReached`], whatever the reason: the change itself is made.
pub async fn until(client: &mut Client, revision: u64, deadline: Instant, args: &WriteArgs) -> Result<()> {
    let request = v1::AwaitRequest {
        revision,
        stage: args.wait.to_proto().into(),
        include_unreachable: args.wait_unreachable,
    };
    let mut report = Report::default();
    let outcome = timeout_at(deadline, follow(client, request, &mut report)).await;
    report.line.end();
    let why = match outcome {
        Ok(Ok(())) => {
            report.warn_of_unreachable();
            return Ok(());
        }
        Ok(Err(failure)) if failure.class == Class::OutcomeUnknown => report.last_line(),
        Ok(Err(failure)) => failure.to_string(),
        Err(_) => report.last_line(),
    };
    let stage = args.wait.as_str();
    let text =
        format!("committed as revision {revision}, and not {stage} within {:?}: {why}", args.wait_timeout);
    Err(Problem::NotReached(text).into())
}

async fn follow(
    client: &mut Client,
    request: v1::AwaitRequest,
    report: &mut Report,
) -> Result<(), asterism_api::Failure> {
    let mut stream = client.follow(request).await?;
    loop {
        let mut next = pin!(stream.next());
        // Taken up again rather than dropped: it may be asking another replica.
        let progress = match timeout_at(report.line.quiet_until(), &mut next).await {
            Ok(progress) => progress?,
            Err(_) => {
                report.line.speak();
                next.await?
            }
        };
        let Some(progress) = progress else { return Ok(()) };
        let is_reached = progress.is_reached;
        report.take(progress);
        if is_reached {
            return Ok(());
        }
    }
}

/// What was told last.
#[derive(Default)]
struct Report {
    last: Option<v1::Progress>,
    line: ProgressLine,
}

impl Report {
    fn take(&mut self, progress: v1::Progress) {
        self.line.show(line(&progress));
        self.last = Some(progress);
    }

    fn last_line(&self) -> String {
        self.last.as_ref().map_or_else(|| "no replica told how far it is".to_owned(), line)
    }

    fn warn_of_unreachable(&self) {
        let waiting_for = self.last.iter().flat_map(|progress| &progress.waiting_for);
        for host in waiting_for.filter(|host| host.is_unreachable) {
            output::notice(&format!(
                "warning: host {} does not answer and is brought up to date when it returns{}",
                host.host,
                in_brackets(&host.detail)
            ));
        }
    }
}

fn line(progress: &v1::Progress) -> String {
    let mut line = format!("{} of {} hosts", progress.hosts_reached, progress.hosts);
    if !progress.planner.is_empty() {
        let _ = write!(line, "; planner: {}", progress.planner);
    }
    let waiting_for: Vec<String> = progress
        .waiting_for
        .iter()
        .take(NAMED)
        .map(|host| format!("{}{}", host.host, in_brackets(&host.detail)))
        .collect();
    if !waiting_for.is_empty() {
        let _ = write!(line, "; waiting for {}", waiting_for.join(", "));
    }
    if progress.waiting_for.len() > NAMED {
        let _ = write!(line, " and {} more", progress.waiting_for.len() - NAMED);
    }
    line
}

fn in_brackets(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!(" ({detail})") }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_line_of_progress_names_a_few_hosts() {
        let host = |name: &str, detail: &str| v1::HostProgress {
            host: name.into(),
            detail: detail.into(),
            ..Default::default()
        };
        let names = ["p1/a", "p1/b", "p1/c", "p2/a", "p2/b", "p2/c"];
        let mut waiting_for: Vec<_> = names.iter().map(|name| host(name, "")).collect();
        waiting_for[0].detail = "connecting".into();
        let progress = v1::Progress {
            waiting_for,
            hosts: 9,
            hosts_reached: 3,
            planner: "electing".into(),
            ..Default::default()
        };
        expect![
            "3 of 9 hosts; planner: electing; waiting for p1/a (connecting), p1/b, p1/c, p2/a and 2 more"
        ]
        .assert_eq(&line(&progress));
    }
}
