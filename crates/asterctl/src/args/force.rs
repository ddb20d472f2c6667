//! What is refused unless the operator says twice that it is meant.

use anyhow::Result;
use clap::Args;

use crate::exit::usage;

/// Of commands that may cost the quorum.
#[derive(Debug, Clone, Args)]
pub struct ForceArgs {
    /// Even if too few voters answer to make a majority afterwards; needs --yes-remove
    #[arg(long, requires = "yes_remove")]
    force: bool,

    /// The node's id once more
    #[arg(long, value_name = "ID", requires = "force")]
    yes_remove: Option<u64>,
}

impl ForceArgs {
    /// Whether it is forced.
    ///
    /// # Errors
    /// The ids differ.
    pub fn confirmed(&self, node: u64) -> Result<bool> {
        match self.yes_remove {
            Some(named) if named != node => {
                Err(usage(format!("--yes-remove {named} is not the node to force, {node}; expected {node}")))
            }
            Some(_) | None => Ok(self.force),
        }
    }
}
