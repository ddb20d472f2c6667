//! Commands that only pass a request on to the running laboratory and print its answer.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};

use super::wire::{self, Answer, Request};

/// Asks, prints the answer, succeeds.
#[expect(clippy::print_stdout, reason = "the answer is what was asked for")]
pub(super) fn ask_and_print(lab: &str, request: &Request) -> Result<ExitCode> {
    match wire::ask(lab, request)? {
        Answer::Text(text) if text.is_empty() => {}
        Answer::Text(text) => println!("{text}"),
        Answer::Located(_) | Answer::Refused(_) => {}
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, Args)]
pub(crate) struct Node {
    /// A host (p1/h2) or a controller (c1)
    pub(crate) node: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Link {
    Transport,
    Management,
    Both,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asterism-lab cut p1/h1 --link transport\n  asterism-lab restore p1/h1")]
pub(crate) struct Cable {
    /// A host (p1/h2) or a controller (c1)
    node: String,
    /// Which cable of a host
    #[arg(long, value_enum, default_value = "both")]
    link: Link,
}

impl Cable {
    pub(super) fn request(self, pulled: bool) -> Request {
        let link = match self.link {
            Link::Transport => "transport",
            Link::Management => "management",
            Link::Both => "both",
        };
        Request::Cable { node: self.node, link: link.into(), pulled }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Freeze {
    /// A host (p1/h2) or a controller (c1)
    node: String,
    /// Of a host, only the database: it forwards on
    #[arg(long)]
    ovsdb_only: bool,
}

impl Freeze {
    pub(super) fn request(self) -> Request {
        Request::Freeze { node: self.node, ovsdb_only: self.ovsdb_only }
    }
}

#[derive(Debug, Args)]
pub(crate) struct AddHost {
    /// The pool, such as p1
    pool: String,
    /// A host whose OVSDB accepts connections and never answers
    #[arg(long)]
    mute: bool,
    /// Do not tell the controllers of it
    #[arg(long)]
    unregistered: bool,
}

impl AddHost {
    pub(super) fn request(self) -> Request {
        Request::AddHost { pool: self.pool, mute: self.mute, register: !self.unregistered }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum VmCommand {
    /// Make a VM and plug it into the private bridge of its network
    #[command(
        after_help = "Example:\n  asterism-lab vm add v1 --host p1/h1 --network blue --address 192.168.7.1/24"
    )]
    Add {
        /// At most 11 lower-case letters, digits and dashes
        name: String,
        #[arg(long)]
        host: String,
        /// The private network, by the name that the controllers know
        #[arg(long)]
        network: String,
        /// A bridge made by hand, in place of the network's
        #[arg(long)]
        bridge: Option<String>,
        /// Address with prefix length
        #[arg(long)]
        address: String,
        #[arg(long, default_value_t = asterism_lab::MTU_DEFAULT)]
        mtu: u16,
    },
    /// Move a VM to another host, of whatever pool
    Move {
        name: String,
        #[arg(long)]
        host: String,
    },
}

impl VmCommand {
    pub(super) fn request(self) -> Request {
        match self {
            Self::Add { name, host, network, bridge, address, mtu } => {
                Request::AddVm { name, host, network, bridge, address, mtu }
            }
            Self::Move { name, host } => Request::MoveVm { name, host },
        }
    }
}
