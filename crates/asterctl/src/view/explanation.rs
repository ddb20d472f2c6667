//! Statements, and what they rest on.

use asterism_api::v1;
use serde::Serialize;

use super::View;

#[derive(Debug, Serialize)]
pub struct ExplanationView {
    /// What was asked about.
    pub subject: String,
    pub findings: Vec<FindingView>,
}

#[derive(Debug, Serialize)]
pub struct FindingView {
    pub rule: String,
    pub text: String,
    pub because: Vec<FindingView>,
}

impl From<v1::Finding> for FindingView {
    fn from(finding: v1::Finding) -> Self {
        let because = finding.because.into_iter().map(Self::from).collect();
        Self { rule: finding.rule, text: finding.text, because }
    }
}

/// An outline: reasons stand under what they are reasons for.
pub fn outline(findings: &[FindingView]) -> String {
    let mut text = String::new();
    write_outline(&mut text, findings, 0);
    text
}

fn write_outline(text: &mut String, findings: &[FindingView], depth: usize) {
    for finding in findings {
        let mark = if depth == 0 { "" } else { "- " };
        text.push_str(&format!("{}{mark}{}\n", "  ".repeat(depth), finding.text));
        write_outline(text, &finding.because, depth + 1);
    }
}

impl View for ExplanationView {
    const KIND: &'static str = "Explanation";
    const COLUMNS: &'static [&'static str] = &["SUBJECT", "FINDINGS"];

    fn cells(&self) -> Vec<String> {
        vec![self.subject.clone(), self.findings.len().to_string()]
    }

    fn text(&self) -> String {
        outline(&self.findings)
    }
}
