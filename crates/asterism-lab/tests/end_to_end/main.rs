//! End to end: three real controllers, real Open vSwitch, real `asterctl`, and probes that never stop.
//!
//! Each test is one laboratory and one promise. What is measured is what hosts hold, VMs receive and operators read;
//! nothing here knows the controllers' inside.

mod adoption;
mod centers;
mod controllers;
mod deposed;
mod foreign;
mod hanging;
mod members;
mod mtu;
mod refusals;
mod stage;
mod xapi;
