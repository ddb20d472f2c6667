//! Talks to the ovsdb-server of each host: RFC 7047 on the wire, the model's nouns at the door.
//!
//! [`HostSession`] is the front door. It shows a host as whole pictures ([`asterism_model::ObservedHost`]), and carries
//! out a [`asterism_model::HostDiff`] as one transaction that the host refuses unless it stores the fence that we think.
//!
//! From the socket upward: [`connection`] (with [`tls`]) gives a byte stream, [`codec`] cuts it into JSON, [`message`]
//! tells requests from replies, [`rpc`] matches them in a task of its own, [`monitor`] keeps a [`replica`] of the [`row`]s
//! of the [`schema`]'s tables, made of [`value`]s. [`observe`] (with `plugin`, for what
//! others left) turns rows into a picture; [`changes`] and [`fencing`]
//! turn what is wanted into a [`transaction`]. [`host_session`] and its task join all of it.
//!
//! It knows no XAPI, no planner and no Raft, and decides nothing: what to write and whether to retry is the caller's.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod backoff;
pub mod changes;
pub mod codec;
pub mod config;
pub mod connection;
pub mod fencing;
pub mod host_session;
mod host_task;
pub mod message;
pub mod monitor;
pub mod observe;
mod pictures;
mod plugin;
pub mod replica;
pub mod row;
pub mod rpc;
mod rpc_task;
pub mod schema;
mod serving;
pub mod tls;
pub mod transaction;
pub mod value;

pub use backoff::Backoff;
pub use codec::Limits;
pub use config::SessionConfig;
pub use connection::{ConnectError, DialerError};
pub use fencing::FenceRefusal;
pub use host_session::{
    ClaimError, Claimed, HostSession, SessionError, SessionState, Transacted, WaitingFor,
};
pub use rpc::Liveness;
pub use tls::{Fingerprint, Identity, TlsConfig, TlsConfigError, Trust};
