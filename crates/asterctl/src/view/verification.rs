//! What `verify` found, as it is shown.

use asterism_api::v1;
use serde::Serialize;

use super::{View, word_of};
use crate::output::table::{counted, indent, table};

#[derive(Debug, Serialize)]
pub struct VerificationView {
    /// Nothing is worse than a note.
    pub is_well: bool,
    pub broken: u32,
    pub degraded: u32,
    /// Tunnels that were made a moment ago.
    pub coming_up: u32,
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
        let v1::Verification { broken, degraded, coming_up, notes, networks, hosts, links, .. } = answer;
        let is_well = broken == 0 && degraded == 0 && coming_up == 0;
        let problems = answer.problems.into_iter().map(ProblemView::from).collect();
        Self { is_well, broken, degraded, coming_up, notes, networks, hosts, links, problems }
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
    /// Something is broken or degraded, and does not come right by itself in a moment.
    pub fn is_ill(&self) -> bool {
        self.broken + self.degraded > 0
    }

    /// `1 broken, 2 degraded, 4 coming up, 3 notes`
    pub fn summary(&self) -> String {
        let Self { broken, degraded, coming_up, notes, .. } = self;
        format!("{broken} broken, {degraded} degraded, {coming_up} coming up, {}", counted(*notes, "note"))
    }
}

impl View for VerificationView {
    const KIND: &'static str = "Verification";
    const COLUMNS: &'static [&'static str] = &["BROKEN", "DEGRADED", "COMING UP", "NOTES"];

    fn cells(&self) -> Vec<String> {
        [self.broken, self.degraded, self.coming_up, self.notes].map(|count| count.to_string()).to_vec()
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
                    problem.severity.replace('_', " "),
                    problem.network.clone().unwrap_or_default(),
                    ends.join(" - "),
                    problem.text.clone(),
                ]
            })
            .collect();
        let told = self.broken + self.degraded + self.coming_up + self.notes;
        let shown = u32::try_from(self.problems.len()).unwrap_or(u32::MAX);
        let more = match told.saturating_sub(shown) {
            0 => String::new(),
            more => indent(&format!("and {more} more")),
        };
        let table = table(&["SEVERITY", "NETWORK", "WHERE", "WHAT"], &rows);
        let verdict = match (self.is_well, self.is_ill()) {
            (true, _) => "all is well, with notes",
            (false, false) => "not all is there yet",
            (false, true) => "not all is well",
        };
        format!("{table}{more}{verdict}: {}; {looked}\n", self.summary())
    }
}
