//! What `verify` found, as it is shown.

use asterism_api::v1;
use serde::Serialize;

use super::{View, word_of};
use crate::output::table::{counted, indent, table};

#[derive(Debug, Serialize)]
pub struct VerificationView {
    /// Nothing is broken or degraded.
    pub is_well: bool,
    pub broken: u32,
    pub degraded: u32,
    pub notes: u32,
    pub networks: u32,
    pub hosts: u32,
    pub links: u32,
    pub problems: Vec<ProblemView>,
}

#[derive(Debug, Serialize)]
pub struct ProblemView {
    pub severity: String,
    pub kind: String,
    pub network: Option<String>,
    pub host: Option<String>,
    pub peer: Option<String>,
    pub text: String,
}

impl From<v1::Verification> for VerificationView {
    fn from(answer: v1::Verification) -> Self {
        let v1::Verification { broken, degraded, notes, networks, hosts, links, .. } = answer;
        let is_well = broken == 0 && degraded == 0;
        let problems = answer.problems.into_iter().map(ProblemView::from).collect();
        Self { is_well, broken, degraded, notes, networks, hosts, links, problems }
    }
}

impl From<v1::Problem> for ProblemView {
    fn from(problem: v1::Problem) -> Self {
        let severity = v1::problem::Severity::try_from(problem.severity).ok();
        let kind = v1::problem::Kind::try_from(problem.kind).ok();
        Self {
            severity: word_of(severity.map(|severity| severity.as_str_name()), "SEVERITY_"),
            kind: word_of(kind.map(|kind| kind.as_str_name()), "KIND_"),
            network: problem.network,
            host: problem.host,
            peer: problem.peer,
            text: problem.text,
        }
    }
}

impl VerificationView {
    /// `1 broken, 2 degraded, 3 notes`
    pub fn summary(&self) -> String {
        format!("{} broken, {} degraded, {}", self.broken, self.degraded, counted(self.notes, "note"))
    }
}

impl View for VerificationView {
    const KIND: &'static str = "Verification";
    const COLUMNS: &'static [&'static str] = &["BROKEN", "DEGRADED", "NOTES"];

    fn cells(&self) -> Vec<String> {
        [self.broken, self.degraded, self.notes].map(|count| count.to_string()).to_vec()
    }

    fn text(&self) -> String {
        let Self { networks, hosts, links, .. } = self;
        let looked = format!(
            "looked at {}, {}, {}",
            counted(*networks, "network"),
            counted(*hosts, "host"),
            counted(*links, "link")
        );
        if self.problems.is_empty() {
            return format!("all is well: {looked}\n");
        }
        let rows: Vec<Vec<String>> = self
            .problems
            .iter()
            .map(|problem| {
                let ends = [&problem.host, &problem.peer].into_iter().flatten().cloned().collect::<Vec<_>>();
                vec![
                    problem.severity.clone(),
                    problem.network.clone().unwrap_or_default(),
                    ends.join(" - "),
                    problem.text.clone(),
                ]
            })
            .collect();
        let told = self.broken + self.degraded + self.notes;
        let shown = u32::try_from(self.problems.len()).unwrap_or(u32::MAX);
        let more = match told.saturating_sub(shown) {
            0 => String::new(),
            more => indent(&format!("and {more} more")),
        };
        let table = table(&["SEVERITY", "NETWORK", "WHERE", "WHAT"], &rows);
        let verdict = if self.is_well { "all is well, with notes" } else { "not all is well" };
        format!("{table}{more}{verdict}: {}; {looked}\n", self.summary())
    }
}
