//! What is wrong, as `check` and `doctor` show it.

use serde::Serialize;

use super::View;
use crate::{
    health::{Check, Severity, Symptom},
    output::table::{counted, table},
};

/// Some checks, and what they found.
#[derive(Debug, Serialize)]
pub struct DiagnosisView {
    /// `ok`, or the worst that was found; notes are in order.
    pub result: &'static str,
    pub checks: Vec<CheckView>,
    /// Worst first.
    pub symptoms: Vec<Symptom>,
}

#[derive(Debug, Serialize)]
pub struct CheckView {
    pub check: Check,
    pub result: &'static str,
    /// How many things it found that are not in order.
    pub found: usize,
}

impl DiagnosisView {
    /// What `symptoms` have to do with these checks.
    pub fn of(checks: &[Check], symptoms: Vec<Symptom>) -> Self {
        let symptoms: Vec<Symptom> =
            symptoms.into_iter().filter(|symptom| checks.contains(&symptom.check)).collect();
        let checks = checks.iter().map(|check| {
            let found = || symptoms.iter().filter(|it| it.check == *check && it.severity > Severity::Note);
            let worst = found().map(|it| it.severity).max();
            CheckView { check: *check, result: worst.map_or("ok", Severity::as_str), found: found().count() }
        });
        let checks = checks.collect();
        let mut view = Self { result: "ok", checks, symptoms };
        view.result = view.worst().map_or("ok", Severity::as_str);
        view
    }

    /// Notes left out.
    pub fn worst(&self) -> Option<Severity> {
        self.symptoms.iter().map(|it| it.severity).filter(|severity| *severity > Severity::Note).max()
    }

    /// `1 critical, 2 warnings`
    pub fn summary(&self) -> String {
        let count = |severity| self.symptoms.iter().filter(|it| it.severity == severity).count();
        let told = [
            (count(Severity::Critical), "critical".to_owned()),
            (count(Severity::Unknown), "unknown".to_owned()),
        ];
        let mut told: Vec<String> = told
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        let further = [(count(Severity::Warning), "warning"), (count(Severity::Note), "note")];
        told.extend(
            further
                .into_iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, what)| counted(count as u64, what)),
        );
        if told.is_empty() { "nothing is wrong".to_owned() } else { told.join(", ") }
    }

    /// Each symptom with what to do about it.
    pub fn prescription(&self) -> String {
        let mut text = String::new();
        for symptom in &self.symptoms {
            let Symptom { severity, about, what, remedy, .. } = symptom;
            text.push_str(&format!("{}  {about}: {}\n", severity.as_str(), one_line(what)));
            if !remedy.is_empty() {
                text.push_str(&format!("    do: {remedy}\n"));
            }
        }
        text.push_str(&format!("{}\n", self.summary()));
        text
    }
}

/// What others wrote may hold anything.
fn one_line(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

/// A table of symptoms; empty where there is none.
pub fn symptoms(symptoms: &[Symptom]) -> String {
    if symptoms.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> = symptoms
        .iter()
        .map(|it| vec![it.severity.as_str().to_owned(), it.about.clone(), it.what.clone()])
        .collect();
    table(&["SEVERITY", "ABOUT", "WHAT"], &rows)
}

impl View for DiagnosisView {
    const KIND: &'static str = "Diagnosis";
    const COLUMNS: &'static [&'static str] = &["RESULT", "FOUND"];

    fn cells(&self) -> Vec<String> {
        vec![self.result.to_owned(), self.symptoms.len().to_string()]
    }

    fn text(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .checks
            .iter()
            .map(|it| {
                let found = if it.found == 0 { String::new() } else { it.found.to_string() };
                vec![it.check.as_str().to_owned(), it.result.to_owned(), found]
            })
            .collect();
        let mut text = table(&["CHECK", "RESULT", "FOUND"], &rows);
        if !self.symptoms.is_empty() {
            text.push_str(&format!("\n{}", symptoms(&self.symptoms)));
        }
        text
    }
}
