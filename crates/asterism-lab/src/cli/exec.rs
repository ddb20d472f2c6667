//! Commands that enter a node of a running laboratory: `exec`, `ctl`, `logs`.
//!
//! They go in through the namespaces of the sandbox's pid 1 with `nsenter`, so terminals, signals and exit codes are those of
//! the command itself.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::Args;
use nix::unistd::geteuid;

use super::wire::{self, Answer, Location, Request};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  asterism-lab exec p1/h1 -- ovs-vsctl show
  asterism-lab exec p1/h1 -- ovs-appctl fdb/show ast1
  asterism-lab exec v1 -- ping -c 3 192.168.7.2
  asterism-lab exec c1 -- ss -tnp
  asterism-lab exec fabric -- bridge fdb
  asterism-lab exec p2/h1                             a shell")]
pub(crate) struct Exec {
    /// A host (p1/h2), a VM, a controller (c1), `operator`, `outsider` or `fabric`
    node: String,
    /// The command; a shell when there is none
    #[arg(last = true)]
    command: Vec<OsString>,
}

impl Exec {
    pub(super) fn run(self, lab: &str) -> Result<ExitCode> {
        let command = if self.command.is_empty() { vec!["sh".into()] } else { self.command };
        enter(&locate(lab, self.node)?, &command)
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  asterism-lab ctl -- cluster status
  asterism-lab ctl -- topology")]
pub(crate) struct Ctl {
    /// Words for asterctl
    #[arg(last = true)]
    words: Vec<OsString>,
}

impl Ctl {
    pub(super) fn run(self, lab: &str) -> Result<ExitCode> {
        let program = asterism_lab::find_program("asterctl")?;
        let command: Vec<OsString> = std::iter::once(program.into_os_string()).chain(self.words).collect();
        enter(&locate(lab, "operator".into())?, &command)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// A controller (c1) or a host (p1/h2)
    node: String,
    /// Go on as the log grows
    #[arg(long, short)]
    follow: bool,
    #[arg(long, short = 'n', default_value_t = 40)]
    lines: u32,
}

impl Logs {
    pub(super) fn run(self, lab: &str) -> Result<ExitCode> {
        let location = locate(lab, self.node.clone())?;
        let Some(log) = &location.log else {
            bail!("{} keeps no log: controllers (c1) and hosts (p1/h1) do", self.node)
        };
        let mut command = vec![OsString::from("tail"), format!("--lines={}", self.lines).into(), log.into()];
        if self.follow {
            command.push("--follow=name".into());
        }
        enter(&location, &command)
    }
}

fn locate(lab: &str, node: String) -> Result<Location> {
    match wire::ask(lab, &Request::Locate { node })? {
        Answer::Located(location) => Ok(location),
        Answer::Text(_) | Answer::Refused(_) => bail!("the laboratory is of another version"),
    }
}

/// Becomes the command inside; returns only on failure.
fn enter(location: &Location, command: &[OsString]) -> Result<ExitCode> {
    let mut nsenter = Command::new("nsenter");
    nsenter
        .arg(format!("--target={}", location.init_pid))
        .args(["--mount", "--pid", "--net", "--uts", "--ipc"]);
    if !geteuid().is_root() {
        nsenter.args(["--user", "--preserve-credentials"]);
    }
    nsenter.args(["ip", "netns", "exec", &location.netns]).args(command);
    for (key, value) in &location.environment {
        nsenter.env(key, value);
    }
    Err(nsenter.exec()).context("running nsenter (package util-linux)")
}
