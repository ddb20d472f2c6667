//! How operators write things on the command line, and the options that several commands share.

mod access;
mod attachment;
mod force;
mod kill;
mod member;
mod password;
mod request_id;
mod transport;

use std::time::Duration;

use asterism_api::v1;
use clap::{Args, ValueEnum};

pub use access::AccessArgs;
pub use attachment::{AttachmentArg, attachments};
pub use force::ForceArgs;
pub use kill::KillArg;
pub use member::MemberArg;
pub use request_id::RequestIdArg;
pub use transport::{TransportArg, transports};

use crate::output::OutputArgs;

/// Of every command that asks for something.
#[derive(Debug, Clone, Args)]
pub struct ReadArgs {
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub consistency: ConsistencyArgs,
}

#[derive(Debug, Clone, Copy, Args)]
pub struct ConsistencyArgs {
    /// Take the asked replica's own state, however old, and without what only the leader sees; needs no quorum
    #[arg(long)]
    stale: bool,
}

impl ConsistencyArgs {
    /// For the request.
    pub fn to_proto(self) -> i32 {
        if self.stale { v1::Consistency::Stale.into() } else { v1::Consistency::Linearizable.into() }
    }
}

/// How far a change is to get before the command returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Stage {
    /// A majority of the replicas keeps it
    Committed,
    /// Every host that answers has it in its OVSDB
    Programmed,
    /// All tunnels are up at both ends
    Verified,
}

impl Stage {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Programmed => "programmed",
            Self::Verified => "verified",
        }
    }

    pub fn to_proto(self) -> v1::Stage {
        match self {
            Self::Committed => v1::Stage::Committed,
            Self::Programmed => v1::Stage::Programmed,
            Self::Verified => v1::Stage::Verified,
        }
    }
}

/// Of every command that changes something.
#[derive(Debug, Clone, Args)]
pub struct WriteArgs {
    #[command(flatten)]
    pub output: OutputArgs,

    // `programmed`, since whoever runs the next command (starting a VM, most likely) expects the network to be there;
    // `verified` would fail where a single cable is unplugged, `committed` would race with the next command.
    /// How far the change is to get before the command returns
    #[arg(
        long,
        value_enum,
        default_value_t = Stage::Programmed,
        value_name = "STAGE",
        help_heading = "Waiting and retrying"
    )]
    pub wait: Stage,

    /// How long to wait for it; then the command ends with exit code 8, and the change goes on
    #[arg(
        long,
        default_value = "30s",
        value_name = "DURATION",
        value_parser = humantime::parse_duration,
        help_heading = "Waiting and retrying"
    )]
    pub wait_timeout: Duration,

    /// Wait for hosts too whose OVSDB does not answer; else they are only named
    #[arg(long, help_heading = "Waiting and retrying")]
    pub wait_unreachable: bool,

    /// Take up a request whose outcome is unknown: the change is made once
    #[arg(long, value_name = "SESSION:SEQUENCE", help_heading = "Waiting and retrying")]
    pub request_id: Option<RequestIdArg>,
}

impl WriteArgs {
    /// What was done, for a change that goes on by itself when it is committed.
    pub fn done(&self, subject: &str, in_the_end: &str, at_once: &str) -> String {
        let done = if self.wait == Stage::Committed { at_once } else { in_the_end };
        format!("{subject} {done}")
    }
}
