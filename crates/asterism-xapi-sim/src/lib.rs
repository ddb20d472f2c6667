//! A simulator of an XCP-ng or XenServer pool, as its clients see it: the XAPI of each host, over HTTP and HTTPS.
//!
//! For tests and for the laboratory; no program of Asterism's depends on it. Start one with [`Simulator::start`], talk to the
//! URLs that it names, and give it trouble through its methods. What happens on hosts is left to a [`HostAgent`].
//!
//! In layers, from the inside out: [`datamodel`] (which fields and calls there are), [`database`] (rows, relations,
//! generations; pure), `calls` (what a call checks and does), `wire` (JSON-RPC, XML-RPC, HTTP, TLS), [`Simulator`]
//! (hosts as machines, faults, time). There is no async runtime: each connection has a thread.
//!
//! How it is known to be faithful: every exchange of a recording of a real xapi is replayed against it (`tests/wire`), and
//! the official Python client is driven against it. What it does not model is listed in `docs/TESTING.md`.

mod agent;
mod calls;
mod clock;
pub mod database;
pub mod datamodel;
mod failure;
mod fault;
mod journal;
mod pool;
mod simulator;
mod value;
mod wire;

pub use agent::{
    AgentCall, AgentError, AgentHost, Bridge, BridgeKind, HostAgent, RecordingAgent, SdnController, SdnMode,
    VifPort,
};
pub use database::Database;
pub use datamodel::Version;
pub use failure::Failure;
pub use fault::{Effect, Fault};
pub use journal::{CallRecord, Outcome};
pub use simulator::{Binder, HostSpec, Identity, InterfaceSpec, Listen, PoolSpec, Simulator, StartError};
pub use value::{NEVER, NULL, Value};
