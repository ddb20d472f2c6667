//! Documents for programs: each says which API it follows and what it holds. Fields are only ever added, and one that
//! is unknown is null rather than absent.

use anyhow::{Context, Result};
use serde::Serialize;

use crate::view::View;

/// The version of the documents' shape.
const API: &str = "asterism/v1";

/// One document, to be written as JSON or YAML.
#[derive(Serialize)]
pub struct Document<'a, T> {
    api: &'static str,
    kind: String,
    /// The log index whose state this shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
    #[serde(flatten)]
    content: Content<'a, T>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a, T> {
    One(&'a T),
    Many { items: &'a [T] },
}

impl<'a, V: View> Document<'a, V> {
    pub fn list(index: u64, items: &'a [V]) -> Self {
        let kind = format!("{}List", V::KIND);
        Self { api: API, kind, index: Some(index), content: Content::Many { items } }
    }
}

impl<'a, T: Serialize> Document<'a, T> {
    pub fn one(kind: &str, index: Option<u64>, content: &'a T) -> Self {
        Self { api: API, kind: kind.to_owned(), index, content: Content::One(content) }
    }

    pub fn to_json(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self).context("writing JSON")?;
        Ok(text + "\n")
    }

    /// On one line, for streams of documents.
    pub fn to_json_line(&self) -> Result<String> {
        let text = serde_json::to_string(self).context("writing JSON")?;
        Ok(text + "\n")
    }

    pub fn to_yaml(&self) -> Result<String> {
        let text = serde_saphyr::to_string(self).context("writing YAML")?;
        Ok(text.trim_end().to_owned() + "\n")
    }
}
