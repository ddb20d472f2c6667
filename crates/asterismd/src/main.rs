//! The controller replica's process: arguments, configuration, logging, signals. All else is in the library.

use std::{io, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use asterismd::{Config, logging};
use clap::{CommandFactory as _, Parser, Subcommand};

/// One replica of an Asterism cluster.
///
/// It reads one TOML file, serves the other replicas and operators on one port, and, while it leads, programs the hosts.
/// SIGTERM and SIGINT hand leadership over and stop it. It exits with 1 when it refuses to start, and with 2 when its
/// disk fails while it runs.
#[derive(Parser)]
#[command(version, about, long_about)]
struct Arguments {
    /// The node's configuration; cluster-config/node1.toml is a commented example.
    #[arg(long, global = true, value_name = "FILE", default_value = "/etc/asterism/asterismd.toml")]
    config: PathBuf,
    /// Read and check the configuration and the files that it names, then exit.
    #[arg(long)]
    check: bool,
    /// Print the manual page, for packages.
    #[arg(long, hide = true)]
    manual: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Makes a cluster of this node alone, when a majority of the others is lost for good
    ///
    /// Run it where the node's data directory is, with asterismd stopped. Without --yes it changes nothing, and says what is
    /// certain and what may be lost. Try everything to bring back a majority first: what only the others had acknowledged is
    /// gone after this.
    Recover {
        /// Do it
        #[arg(long)]
        yes: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match start(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("asterismd: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if arguments.manual {
        let page = clap_mangen::Man::new(Arguments::command()).section("8");
        page.render(&mut io::stdout().lock()).context("writing to stdout")?;
        return Ok(ExitCode::SUCCESS);
    }
    let config = Config::load(&arguments.config)?;
    if arguments.check {
        eprintln!("asterismd: {} is valid", arguments.config.display());
        return Ok(ExitCode::SUCCESS);
    }
    logging::init(&config.log);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")?;
    match &arguments.command {
        None => runtime.block_on(asterismd::run(config)),
        Some(Command::Recover { yes }) => runtime.block_on(asterismd::recover::run(config, *yes)),
    }
}
