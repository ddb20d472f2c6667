//! `asterctl snapshot`

mod inspect;
mod restore;
mod save;
mod verify;

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use asterism_api::{Class, Failure};
use asterism_model::{backup::Backup, chain};
use clap::Subcommand;

use crate::{connection::ConnectionArgs, context::Context};

#[derive(Debug, Subcommand)]
pub enum Verb {
    Save(save::Save),
    Inspect(inspect::Inspect),
    Verify(verify::Verify),
    Restore(restore::Restore),
}

impl Verb {
    pub async fn run(self, connection: &ConnectionArgs) -> Result<()> {
        match self {
            Self::Save(verb) => verb.run(&mut Context::connect(connection)?).await,
            // These need no cluster to be there.
            Self::Inspect(verb) => verb.run(),
            Self::Verify(verb) => verb.run(),
            Self::Restore(verb) => verb.run(&mut Context::connect(connection)?).await,
        }
    }
}

/// Reads and checks a file.
///
/// # Errors
/// It can't be read, or is not whole.
pub fn read(path: &Path) -> Result<(Vec<u8>, Backup)> {
    let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    let backup = Backup::decode(&bytes)
        .map_err(|error| Failure::local(Class::Refused, format!("{}: {}", path.display(), chain(&error))))?;
    Ok((bytes, backup))
}
