//! `asterism-lab scale`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};
use asterism_lab::sandbox;
use clap::Args;

use crate::scale::{self, Hosts};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  asterism-lab scale --pools 50 --hosts 16            XAPIs alone; their hosts have no Open vSwitch
  asterism-lab scale --pools 1 --hosts 64 --real      every host runs a real Open vSwitch (25 MB each)")]
pub(crate) struct Scale {
    /// Number of pools, all behind a XAPI
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u8).range(1..=249))]
    pools: u8,
    /// Number of hosts in each pool
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u8).range(2..=254))]
    hosts: u8,
    /// Hosts with a real Open vSwitch, in place of addresses where no OVSDB listens
    #[arg(long)]
    real: bool,
    /// How long the steady state is looked at
    #[arg(long, default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(5..))]
    steady: u64,
}

impl Scale {
    pub(super) fn run(self) -> Result<ExitCode> {
        ensure!(
            !self.real || u32::from(self.pools) * u32::from(self.hosts) <= 200,
            "{} x {} real hosts: at most 200 fit",
            self.pools,
            self.hosts
        );
        sandbox::enter()?;
        let hosts = if self.real { Hosts::Real } else { Hosts::OnPaper };
        scale::measure(self.pools, self.hosts, hosts, Duration::from_secs(self.steady))?;
        Ok(ExitCode::SUCCESS)
    }
}
