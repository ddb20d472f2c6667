//! The command line: what the words mean. Each command stands in a file of its own.

mod internal;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// A laboratory of real Open vSwitch hosts, VMs and Asterism controllers, all inside this one machine.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Parts that the laboratory runs itself through.
    #[command(hide = true, subcommand)]
    Internal(internal::Internal),
}

/// Reads the command line and does what it says.
pub(crate) fn run() -> Result<ExitCode> {
    match Cli::parse().command {
        Command::Internal(internal) => internal.run(),
    }
}
