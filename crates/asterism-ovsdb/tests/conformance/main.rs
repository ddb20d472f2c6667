//! The crate against a real `ovsdb-server` with Open vSwitch's own schema. No `ovs-vswitchd` runs anywhere here: what
//! is asked of a host is asked of its database alone.

#![allow(clippy::unwrap_used)] // a test may panic

mod certificates;
mod claim;
mod dialect;
mod fault;
mod fixture;
mod members;
mod picture;
mod proxy;
mod race;
mod refusals;
mod rpc;
mod scripted;
mod server;
mod tls;
mod transact;
