//! `asterctl`, the operators' command: arguments in, requests to the cluster, tables or documents out.
//!
//! Data goes to stdout and everything else to stderr; the exit code tells the class of a failure ([`exit`]). Decides
//! nothing about networks: what is valid is the cluster's to say.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod args;
mod cli;
mod commands;
mod connection;
mod context;
mod exit;
mod health;
mod output;
mod view;
mod wait;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use cli::Cli;

fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let as_json = output::is_json(&matches);
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error, as_json),
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    // One thread: a client waits, it does not compute.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(commands::run(cli))
}
