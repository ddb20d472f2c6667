//! What came of a write.

use asterism_api::{convert::effect_of, v1};
use asterism_model::Effect;
use serde::Serialize;

use super::View;

#[derive(Debug, Serialize)]
pub struct ReceiptView {
    pub revision: u64,
    /// How far it got: `committed`, `programmed` or `verified`.
    pub stage: &'static str,
    /// The id of what it made: of a pool, host or network.
    pub id: Option<u32>,
    /// In words.
    pub text: String,
}

impl ReceiptView {
    pub fn new(receipt: &v1::Receipt, stage: &'static str, text: String) -> Self {
        let id = match effect_of(receipt) {
            Effect::Pool(id) => Some(id.0),
            Effect::Host(id) => Some(id.0),
            Effect::Network(id) => Some(id.0),
            Effect::Done | Effect::Session(_) | Effect::Epoch(_) => None,
        };
        Self { revision: receipt.revision, stage, id, text }
    }
}

impl View for ReceiptView {
    const KIND: &'static str = "Receipt";
    const COLUMNS: &'static [&'static str] = &["REVISION", "STAGE", "WHAT"];

    fn cells(&self) -> Vec<String> {
        vec![self.revision.to_string(), self.stage.to_owned(), self.text.clone()]
    }

    fn text(&self) -> String {
        format!("{} ({}, revision {})\n", self.text, self.stage, self.revision)
    }
}
