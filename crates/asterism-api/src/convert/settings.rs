//! What is set for the whole cluster.

use asterism_model::{ClusterSettings, SettingsChange};

use super::{FieldError, enums::known};
use crate::v1;

/// The settings in force.
pub fn settings(settings: &ClusterSettings) -> v1::Settings {
    v1::Settings { bfd_budget: settings.bfd_budget, mode: v1::Mode::from(settings.mode).into() }
}

pub(super) fn change_from_proto(message: v1::ChangeSettings) -> Result<SettingsChange, FieldError> {
    let mode = known::<v1::Mode>("mode", message.mode)?;
    Ok(SettingsChange { bfd_budget: message.bfd_budget, mode })
}

pub(super) fn change_to_proto(change: SettingsChange) -> v1::ChangeSettings {
    let mode = change.mode.map_or(v1::Mode::Unspecified, v1::Mode::from);
    v1::ChangeSettings { bfd_budget: change.bfd_budget, mode: mode.into() }
}
