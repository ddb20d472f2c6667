//! What a command says to a running laboratory and what that answers: one JSON line each way on an abstract Unix socket.
//!
//! The socket lives in the network namespace of the machine and vanishes with the laboratory: there is no file to leave
//! behind, and a second laboratory of the same name is refused by the kernel.

use std::io::{self, BufRead, BufReader, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use anyhow::{Context, Result, bail};
use asterism_lab::sandbox::SandboxError;
use nix::unistd::getuid;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// What one can ask of a running laboratory.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    Status,
    /// Where a node is to be entered.
    Locate {
        node: String,
    },
    AddVm {
        name: String,
        host: String,
        network: String,
        bridge: Option<String>,
        address: String,
        mtu: u16,
    },
    MoveVm {
        name: String,
        host: String,
    },
    Probe {
        seconds: f64,
        interval_ms: u64,
        ring: bool,
        pairs: Vec<(String, String)>,
    },
    Cable {
        node: String,
        link: String,
        pulled: bool,
    },
    Freeze {
        node: String,
        ovsdb_only: bool,
    },
    Thaw {
        node: String,
    },
    Kill {
        node: String,
    },
    Start {
        node: String,
    },
    Reboot {
        node: String,
    },
    AddHost {
        pool: String,
        mute: bool,
        register: bool,
    },
    Rows {
        node: String,
    },
    Down,
}

/// What it answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// For a person to read.
    Text(String),
    Located(Location),
    Refused(String),
}

/// Where a node is to be entered from outside.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Location {
    /// pid 1 of the sandbox, as numbered outside.
    pub(crate) init_pid: u32,
    pub(crate) netns: String,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) log: Option<String>,
}

fn address(lab: &str) -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(format!("asterism-lab/{}/{lab}", getuid()))
}

/// Makes the socket of a new laboratory.
pub(crate) fn bind(lab: &str) -> Result<UnixListener, SandboxError> {
    address(lab).and_then(|address| UnixListener::bind_addr(&address)).map_err(|error| SandboxError::Socket {
        what: if error.kind() == io::ErrorKind::AddrInUse {
            format!("a laboratory named {lab} runs already: end it (`asterism-lab down`), or name this one with --lab")
        } else {
            format!("making the control socket of laboratory {lab}: {error}")
        },
    })
}

/// Asks a running laboratory. A refusal is an error.
pub(crate) fn ask(lab: &str, request: &Request) -> Result<Answer> {
    let stream = address(lab)
        .and_then(|address| UnixStream::connect_addr(&address))
        .with_context(|| format!("no laboratory named {lab} runs: start one with `asterism-lab up`"))?;
    send(&stream, request)?;
    match receive(&stream)? {
        Answer::Refused(why) => bail!(why),
        answer @ (Answer::Text(_) | Answer::Located(_)) => Ok(answer),
    }
}

pub(crate) fn send(mut stream: &UnixStream, message: &impl Serialize) -> Result<()> {
    let mut line = serde_json::to_string(message).context("writing a message")?;
    line.push('\n');
    stream.write_all(line.as_bytes()).context("the laboratory hung up")
}

pub(crate) fn receive<T: DeserializeOwned>(stream: &UnixStream) -> Result<T> {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).context("the laboratory hung up")?;
    serde_json::from_str(&line).context("the laboratory ended, or is of another version")
}
