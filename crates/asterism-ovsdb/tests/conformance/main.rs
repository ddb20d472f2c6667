//! The crate against a real `ovsdb-server` with Open vSwitch's own schema. What is asked of a host is asked of its
//! database alone; an `ovs-vswitchd` runs only where it is to show that it takes our rows as we mean them.

#![allow(clippy::unwrap_used)] // a test may panic

mod certificates;
mod claim;
mod dialect;
mod fault;
mod fixture;
mod members;
mod picture;
mod plugin;
mod pool_bridge;
mod proxy;
mod race;
mod refusals;
mod rpc;
mod scripted;
mod server;
mod switch;
mod tls;
mod transact;
