//! `asterism-lab up`: starts a laboratory and keeps it until Ctrl-C.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use asterism_lab::{Lab, sandbox};
use clap::Args;

use super::server::Server;
use super::{Size, wire};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  asterism-lab up                                     3 controllers, 3 pools of 3 hosts
  asterism-lab up --xapi 1                            the first pool is behind a XAPI, as of XCP-ng
  asterism-lab up --pools 1 --hosts 2 --controllers 0 hosts alone, to play with ovs-vsctl")]
pub(crate) struct Up {
    #[command(flatten)]
    size: Size,
    /// Leave the controllers without a cluster, pools and hosts
    #[arg(long)]
    bare: bool,
}

impl Up {
    pub(super) fn run(self, name: &str) -> Result<ExitCode> {
        let inside = sandbox::enter_with(|| wire::bind(name).map(Some))?;
        let listener = inside.control.context("the control socket did not come along")?;
        let start = Instant::now();
        let lab = self.size.builder(0).build()?;
        if self.size.controllers > 0 && !self.bare {
            lab.found_cluster().inspect_err(|_| show_logs(&lab))?;
        }
        self.greet(name, &lab.attachment(1), start);
        Server::new(lab, inside.init_pid_outside).serve(&listener)?;
        Ok(ExitCode::SUCCESS)
    }

    fn greet(&self, name: &str, attachment: &str, start: Instant) {
        let Size { pools, hosts, controllers, .. } = self.size;
        let flag = if name == "lab" { String::new() } else { format!(" --lab {name}") };
        eprintln!(
            "{pools} pools of {hosts} hosts and {controllers} controllers run (after {:.1} s). \
             Ctrl-C ends it all and leaves nothing behind.\n\n\
             From another terminal:\n\
             \x20 asterism-lab{flag} status\n\
             \x20 asterism-lab{flag} exec p1/h1 -- ovs-vsctl show\n\
             \x20 asterism-lab{flag} ctl -- cluster status\n\
             \x20 asterism-lab{flag} ctl -- network create blue --pool {attachment}\n\
             \x20 asterism-lab --help                       for all the rest, with examples",
            start.elapsed().as_secs_f64()
        );
    }
}

/// The last words of each controller, where something went wrong with them.
pub(crate) fn show_logs(lab: &Lab) {
    for controller in lab.controllers() {
        eprintln!("--- c{}:\n{}", controller.node(), controller.log_tail(15));
    }
}
