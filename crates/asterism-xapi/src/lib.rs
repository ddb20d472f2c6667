//! Talks to a pool's XAPI: JSON-RPC on the wire, the model's nouns at the door.
//!
//! [`PoolSession`] is the front door. It shows a pool as whole pictures ([`asterism_model::PoolInventory`] and
//! [`asterism_model::ObservedPool`]), and carries out [`asterism_model::PoolCall`]s. [`survey()`] looks at a pool once,
//! before anything about it is stored.
//!
//! From the socket upward: [`connection`] (with [`tls`]) carries HTTP, [`http`] keeps a few connections to one host,
//! [`jsonrpc`] and [`failure`] tell results from refusals, `session` logs in and sees that it is the master of the right
//! pool, `search` finds that master among all addresses. `watch` keeps [`records`] by [`events`]; [`mod@inventory`] and
//! [`mod@observe`] turn records into pictures, and `calls` turns what is wanted into XAPI's methods. [`pool_session`], its
//! task and `serving` join all of it.
//!
//! ```text
//! addresses -> search -> session -+-> event.from -> watch: records -+-> inventory --+-> PoolPicture -> state()
//!                 ^               |                                 +-> observe ----+
//!                 |               +<- PoolCall (call()) <- what the caller wants
//!                 +-- the session ends: expired, master gone, connection broken
//! ```
//!
//! What is believed: an event is a wake-up, the cached records are checked against XAPI's own counts, and each new session
//! reads everything again, because a new master's database may be an old one. What was asked for counts as done once the
//! records show it. Every byte that arrives may be hostile: nothing here panics on one.
//!
//! It knows no OVSDB, no planner and no Raft, and decides nothing: what to call and whether to retry is the caller's.
//! XAPI is where networks' objects are made, never where our intent is kept.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod backoff;
mod calls;
pub mod config;
pub mod connection;
pub mod error;
pub mod events;
pub mod failure;
pub mod http;
pub mod inventory;
pub mod jsonrpc;
pub mod observe;
pub mod plugin;
pub mod pool_session;
mod pool_task;
pub mod records;
mod search;
mod secret;
mod serving;
mod session;
mod survey;
pub mod tls;
mod watch;

pub use backoff::Backoff;
pub use config::{Deadlines, Limits, XapiConfig};
pub use error::{CallError, NotXapi, XapiError};
pub use failure::{FailureKind, XapiFailure};
pub use pool_session::{ConnectedPool, NetworkLabel, PoolPicture, PoolSession, PoolSessionState};
pub use secret::Secret;
pub use survey::{PoolSurvey, SurveyedAuthority, SurveyedController, SurveyedHost, SurveyedNetwork, survey};
pub use tls::{Trust, TrustError, fingerprint_of_pem};
