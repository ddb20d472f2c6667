//! A plan as it is shown.

use asterism_api::v1;
use serde::Serialize;

use super::{
    View,
    explanation::{FindingView, outline},
    word,
};
use crate::output::table::{indent, table};

#[derive(Debug, Serialize)]
pub struct PlanView {
    /// The revision that was planned upon.
    pub revision: u64,
    /// Whether the leader answered: only it knows which hosts differ.
    pub is_from_leader: bool,
    pub choices: Vec<PlannedChoiceView>,
    pub hosts: Vec<PlannedHostView>,
    pub report: Vec<FindingView>,
}

#[derive(Debug, Serialize)]
pub struct PlannedChoiceView {
    pub network: String,
    pub subject: String,
    pub pool: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub cause: String,
}

#[derive(Debug, Serialize)]
pub struct PlannedHostView {
    pub host: String,
    pub changes: Vec<String>,
}

impl From<v1::Plan> for PlanView {
    fn from(plan: v1::Plan) -> Self {
        let hosts = plan.hosts.into_iter();
        Self {
            revision: plan.mark.map_or(0, |mark| mark.revision),
            is_from_leader: plan.mark.is_some_and(|mark| mark.is_leader),
            choices: plan.choices.into_iter().map(PlannedChoiceView::from).collect(),
            hosts: hosts.map(|v1::PlannedHost { host, changes }| PlannedHostView { host, changes }).collect(),
            report: plan.report.into_iter().map(FindingView::from).collect(),
        }
    }
}

impl From<v1::PlannedChoice> for PlannedChoiceView {
    fn from(choice: v1::PlannedChoice) -> Self {
        let subject = v1::planned_choice::Subject::try_from(choice.subject).ok();
        Self {
            network: choice.network,
            subject: super::word_of(subject.map(|subject| subject.as_str_name()), "SUBJECT_"),
            pool: choice.pool,
            from: choice.from,
            to: choice.to,
            cause: word!(Cause, "CAUSE_", choice.cause),
        }
    }
}

impl PlannedChoiceView {
    fn cells(&self) -> Vec<String> {
        let subject = self.subject.replace('_', "-");
        vec![
            self.network.clone(),
            self.pool.as_ref().map_or_else(|| subject.clone(), |pool| format!("{subject} of {pool}")),
            self.from.clone().unwrap_or_default(),
            self.to.clone().unwrap_or_default(),
            if self.cause == "unknown" { String::new() } else { self.cause.replace('_', " ") },
        ]
    }
}

impl View for PlanView {
    const KIND: &'static str = "Plan";
    const COLUMNS: &'static [&'static str] = &["REVISION", "CHOICES", "HOSTS"];

    fn cells(&self) -> Vec<String> {
        vec![self.revision.to_string(), self.choices.len().to_string(), self.hosts.len().to_string()]
    }

    fn text(&self) -> String {
        let mut text = String::new();
        if self.choices.is_empty() {
            text.push_str(&format!("Nothing to choose at revision {}.\n", self.revision));
        } else {
            text.push_str(&format!("Choices upon revision {}:\n", self.revision));
            let rows: Vec<Vec<String>> = self.choices.iter().map(PlannedChoiceView::cells).collect();
            text.push_str(&indent(&table(&["NETWORK", "WHAT", "FROM", "TO", "CAUSE"], &rows)));
        }
        if self.hosts.is_empty() {
            text.push_str(if self.is_from_leader {
                "No host that answers differs from its target.\n"
            } else {
                "Which hosts differ from their target, the leader knows.\n"
            });
        } else {
            text.push_str("Hosts that differ from their target:\n");
            for host in &self.hosts {
                text.push_str(&format!("  {}\n{}", host.host, indent(&indent(&host.changes.join("\n")))));
            }
        }
        if !self.report.is_empty() {
            text.push_str(&format!("Report:\n{}", indent(&outline(&self.report))));
        }
        text
    }
}
