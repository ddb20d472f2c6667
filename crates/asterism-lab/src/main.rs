//! `asterism-lab`: the laboratory as a command; see `asterism-lab --help`.

mod cli;
mod demo;
mod scale;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("asterism-lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}
