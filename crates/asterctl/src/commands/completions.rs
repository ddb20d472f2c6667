//! `asterctl completions`

use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::{cli::Cli, output};

/// Prints a completion script for a shell.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl completions bash > /etc/bash_completion.d/asterctl
  asterctl completions zsh > \"${fpath[1]}/_asterctl\"
  asterctl completions fish > ~/.config/fish/completions/asterctl.fish")]
pub struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    pub fn run(&self) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "asterctl", &mut script);
        output::data(&String::from_utf8_lossy(&script))
    }
}
