//! The shape of the command line.

use clap::{Parser, Subcommand};

use crate::{
    commands::{
        adopt::Adopt, audit::Audit, check::CheckCluster, cluster, completions::Completions, doctor::Doctor,
        events::Events, explain::Explain, health::Health, host, leader, manual::Manual, member, network, pki,
        plan::Plan, pool, release::Release, snapshot, status::Status, support_bundle::SupportBundle,
        topology::ShowTopology, verify::Verify, whatif::WhatIf,
    },
    connection::ConnectionArgs,
    exit,
};

const EXAMPLES: &str = "\
Examples:
  export ASTERISM_ENDPOINTS=10.0.0.1:7400,10.0.0.2:7400,10.0.0.3:7400
  asterctl pki init --node 1=10.0.0.1 --node 2=10.0.0.2 --node 3=10.0.0.3
  export ASTERISM_CA=certificates/ca.pem ASTERISM_CERT=certificates/admin.pem ASTERISM_KEY=certificates/admin.key
  asterctl cluster init --member 1=10.0.0.1:7400 --member 2=10.0.0.2:7400 --member 3=10.0.0.3:7400
  asterctl status
  asterctl pool add p1
  asterctl host add p1/a --ovsdb tcp:10.10.1.1 --transport storage=10.20.1.1,mtu=9000
  asterctl pool check --xapi https://10.30.0.1 --trust-on-first-use
  asterctl pool add xcp --xapi https://10.30.0.1 --trust-on-first-use
  asterctl network create blue --pool p1:storage --pool p2:storage --encapsulation vxlan
  asterctl topology blue
  asterctl topology blue -o svg > blue.svg
  asterctl verify
  asterctl whatif --kill host:p1/a
  asterctl host drain p1/a
  asterctl member replace 2 4=10.0.0.4:7400 > asterismd.toml
  asterctl snapshot save asterism.snapshot

";

/// Runs private networks across pools of Open vSwitch hosts.
///
/// Every command may be asked of any replica. Data goes to stdout, everything else to stderr.
#[derive(Debug, Parser)]
#[command(
    name = "asterctl",
    version,
    after_help = format!("{EXAMPLES}{}", exit::HELP),
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 110,
)]
pub struct Cli {
    #[command(flatten)]
    pub connection: ConnectionArgs,
    #[command(subcommand)]
    pub noun: Noun,
}

/// What a command is about. Commands that are no groups are described where they are defined.
#[derive(Debug, Subcommand)]
pub enum Noun {
    Status(Status),
    Health(Health),
    Check(CheckCluster),
    Doctor(Doctor),
    SupportBundle(SupportBundle),
    /// The replicas
    #[command(subcommand)]
    Cluster(cluster::Verb),
    /// Who the replicas are: add, replace, remove, drain
    #[command(subcommand)]
    Member(member::Verb),
    /// Who leads
    #[command(subcommand)]
    Leader(leader::Verb),
    /// Backups of the state
    #[command(subcommand)]
    Snapshot(snapshot::Verb),
    /// Pools of hosts
    #[command(subcommand)]
    Pool(pool::Verb),
    /// Hosts that run Open vSwitch
    #[command(subcommand)]
    Host(host::Verb),
    /// Private networks
    #[command(subcommand)]
    Network(network::Verb),
    /// Certificates of nodes and of those who call them; asks no replica
    #[command(subcommand)]
    Pki(pki::Verb),
    Adopt(Adopt),
    Release(Release),
    Topology(ShowTopology),
    Plan(Plan),
    Explain(Explain),
    Verify(Verify),
    Whatif(WhatIf),
    Events(Events),
    Audit(Audit),
    Completions(Completions),
    Manual(Manual),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples() {
        fn check(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            let mut verbs = command.get_subcommands().peekable();
            if verbs.peek().is_none() {
                let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.contains(path.trim()), "`{path}` has no example: {help:?}");
                assert!(command.get_about().is_some(), "`{path}` does not say what it does");
            }
            for verb in verbs {
                check(verb, &path);
            }
        }
        check(&Cli::command(), "");
    }

    /// Words at a variant would stand before those of the command itself, and hide them.
    #[test]
    fn long_help_says_more_than_the_list_of_commands() {
        let cli = Cli::command();
        let long_help_of = |path: &[&str]| {
            let found = path.iter().try_fold(&cli, |command, name| command.find_subcommand(name));
            found.and_then(|command| command.get_long_about()).map(ToString::to_string).unwrap_or_default()
        };
        assert!(long_help_of(&["host", "drain"]).contains("until `asterctl host undrain`"));
        assert!(long_help_of(&["network", "move-center"]).contains("takes back a move"));
        assert!(long_help_of(&["verify"]).contains("Exit code"));
    }
}
