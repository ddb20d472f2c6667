//! The command line: what the words mean. Each command stands in a file of its own.

mod demo;
mod exec;
mod internal;
mod probe;
mod remote;
mod scale;
mod scenario;
mod server;
mod up;
mod wire;

use std::process::ExitCode;

use anyhow::Result;
use asterism_lab::sandbox;
use clap::{Args, Parser, Subcommand};

const EXAMPLES: &str = "\
Examples:
  asterism-lab check                                  what is missing on this machine, if anything
  asterism-lab up --pools 3 --hosts 3                 start; stays until Ctrl-C, leaves nothing behind

and then, from another terminal:
  asterism-lab status
  asterism-lab ctl -- network create blue --pool p1:storage --pool p2:storage --wait=programmed
  asterism-lab vm add v1 --host p1/h1 --network blue --address 192.168.7.1/24
  asterism-lab vm add v2 --host p2/h1 --network blue --address 192.168.7.2/24
  asterism-lab probe --seconds 5                      all pairs of VMs, every 10 ms
  asterism-lab exec p1/h1 -- ovs-vsctl show
  asterism-lab exec v1 -- ping -c 3 192.168.7.2
  asterism-lab cut p1/h1 --link transport             pull a cable; `restore` puts it back
  asterism-lab kill c1                                kill -9 of a controller; `start c1` brings it back
  asterism-lab reboot p1/h1                           its OVSDB comes back empty
  asterism-lab demo                                   the whole story by itself, with figures
  asterism-lab scenario FILE --runs 10                one promise, ten times, with medians and worst cases
  asterism-lab scale --pools 50 --hosts 16            what many pools cost: time, CPU, memory, calls";

/// A laboratory of real Open vSwitch hosts, VMs and Asterism controllers, all inside this one machine.
///
/// Everything lives in namespaces of its own: the machine's network is out of reach, and nothing is left behind however
/// the laboratory ends. Runs as root, or as an ordinary user where the system allows user namespaces.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, max_term_width = 110)]
struct Cli {
    /// Which laboratory, where several run at once.
    #[arg(long, global = true, default_value = "lab", value_name = "NAME")]
    lab: String,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Look whether this machine can run a laboratory, and say what to do if not
    Check,
    /// Start a laboratory; it stays until Ctrl-C
    Up(up::Up),
    /// Show hosts, VMs and controllers
    Status,
    /// Run a command inside a host, VM, controller, `operator`, `outsider` or `fabric`
    Exec(exec::Exec),
    /// Run asterctl on the operator's machine of the laboratory
    Ctl(exec::Ctl),
    /// Show the end of a controller's or host's log
    Logs(exec::Logs),
    /// VMs: add, move, replug
    #[command(subcommand)]
    Vm(remote::VmCommand),
    /// Probe pairs of VMs for a while, and report losses and gaps
    Probe(probe::ProbeCommand),
    /// Pull a cable of a host (both ends lose carrier), or cut off a controller (c1)
    Cut(remote::Cable),
    /// Put a cable back
    Restore(remote::Cable),
    /// Stop the daemons of a host, or a controller, where they stand (SIGSTOP)
    Freeze(remote::Freeze),
    /// Let a frozen host or controller go on (SIGCONT)
    Thaw(remote::Node),
    /// Kill a host (both daemons, both cables) or a controller with SIGKILL
    Kill(remote::Node),
    /// Start a killed host or controller again, on the data that it had
    Start(remote::Node),
    /// Reboot a host: its OVSDB comes back empty, its VMs are plugged in again once their bridges are back
    Reboot(remote::Node),
    /// Add a host to a pool
    AddHost(remote::AddHost),
    /// Show the rows of a host's OVSDB, without what the switch counts and reports
    Rows(remote::Node),
    /// End the laboratory
    Down,
    /// Run the demonstration: every promise under constant probing, with figures
    Demo(demo::Demo),
    /// Run scenario files, each run in a laboratory of its own, and show what was seen of their promises
    Scenario(scenario::ScenarioCommand),
    /// Measure what many hosts and pools behind a XAPI cost the controllers
    Scale(scale::Scale),
    /// Parts that the laboratory runs itself through
    #[command(hide = true, subcommand)]
    Internal(internal::Internal),
}

pub(crate) use up::show_logs;

/// Reads the command line and does what it says.
pub(crate) fn run() -> Result<ExitCode> {
    let cli = Cli::parse();
    let lab = cli.lab.as_str();
    let request = match cli.command {
        Command::Check => return Ok(check()),
        Command::Up(up) => return up.run(lab),
        Command::Demo(demo) => return demo.run(),
        Command::Scenario(scenario) => return scenario.run(),
        Command::Scale(scale) => return scale.run(),
        Command::Internal(internal) => return internal.run(),
        Command::Exec(exec) => return exec.run(lab),
        Command::Ctl(ctl) => return ctl.run(lab),
        Command::Logs(logs) => return logs.run(lab),
        Command::Status => wire::Request::Status,
        Command::Vm(vm) => vm.request(),
        Command::Probe(probe) => probe.request(),
        Command::Cut(cable) => cable.request(true),
        Command::Restore(cable) => cable.request(false),
        Command::Freeze(freeze) => freeze.request(),
        Command::Thaw(node) => wire::Request::Thaw { node: node.node },
        Command::Kill(node) => wire::Request::Kill { node: node.node },
        Command::Start(node) => wire::Request::Start { node: node.node },
        Command::Reboot(node) => wire::Request::Reboot { node: node.node },
        Command::AddHost(host) => host.request(),
        Command::Rows(node) => wire::Request::Rows { node: node.node },
        Command::Down => wire::Request::Down,
    };
    remote::ask_and_print(lab, &request)
}

#[expect(clippy::print_stdout, reason = "the report is what was asked for")]
fn check() -> ExitCode {
    let findings = sandbox::check();
    for finding in &findings {
        match &finding.problem {
            None => println!("{:<16} fine", finding.need),
            Some(problem) => println!("{:<16} {problem}", finding.need),
        }
    }
    if findings.iter().all(|finding| finding.problem.is_none()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// How many of what; shared by `up` and `demo`.
#[derive(Clone, Copy, Debug, Args)]
struct Size {
    /// Number of pools
    #[arg(long, default_value_t = 3)]
    pools: u8,
    /// Number of hosts in each pool
    #[arg(long, default_value_t = 3)]
    hosts: u8,
    /// Number of controllers (0: hosts alone)
    #[arg(long, default_value_t = 3)]
    controllers: u8,
    /// OVSDB over TLS with the ciphers of XCP-ng 8.3, in place of plain TCP
    #[arg(long)]
    tls: bool,
    /// How many of the pools are behind a XAPI, the first ones; the others are static (default: 0, in the demonstration 1)
    #[arg(long, value_name = "POOLS")]
    xapi: Option<u8>,
}

impl Size {
    /// `xapi` pools are behind a XAPI, unless told otherwise.
    fn builder(self, xapi: u8) -> asterism_lab::LabBuilder {
        let builder = asterism_lab::Lab::builder()
            .pools(self.pools)
            .xapi_pools(self.xapi.unwrap_or(xapi))
            .hosts(self.hosts)
            .controllers(self.controllers);
        if self.tls { builder.ovsdb_tls() } else { builder }
    }
}
