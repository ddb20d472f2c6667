//! What is set for the whole cluster, as it is shown.

use asterism_api::v1;
use serde::Serialize;

use super::{View, word};
use crate::output::table::pairs;

#[derive(Debug, Serialize)]
pub struct SettingsView {
    /// In packets per second and host.
    pub bfd_budget: u32,
    pub mode: String,
}

impl From<v1::Settings> for SettingsView {
    fn from(settings: v1::Settings) -> Self {
        Self { bfd_budget: settings.bfd_budget, mode: word!(Mode, "MODE_", settings.mode) }
    }
}

impl View for SettingsView {
    const KIND: &'static str = "Settings";
    const COLUMNS: &'static [&'static str] = &["BFD BUDGET", "MODE"];

    fn cells(&self) -> Vec<String> {
        vec![self.bfd_budget.to_string(), self.mode.clone()]
    }

    fn text(&self) -> String {
        pairs(&[
            ("BFD budget", format!("{} packets/s and host", self.bfd_budget)),
            ("mode", self.mode.replace('_', "-")),
        ])
    }
}
