//! `asterism-chaos`: runs the chaos harness.

use std::{io::Write as _, process::ExitCode};

use clap::{Parser, Subcommand};

mod cli;

/// Breaks everything, checks every promise, reproduces any failure.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: What,
}

#[derive(Subcommand)]
enum What {
    /// Simulate whole clusters in virtual time: one seed, one run.
    Sim(cli::SimArguments),
    /// Run the real consensus in virtual time, on simulated networks and disks: one seed, one run.
    Protocol(cli::ProtocolArguments),
    /// Break the harness's own fakes one by one, and see whether the oracles notice.
    SelfTest(cli::SelfTestArguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        What::Sim(arguments) => cli::sim(&arguments),
        What::Protocol(arguments) => cli::protocol(&arguments),
        What::SelfTest(arguments) => cli::self_test(&arguments),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Nobody is left to tell if this fails.
            let _ = writeln!(std::io::stderr(), "asterism-chaos: {error:#}");
            ExitCode::from(2)
        }
    }
}
