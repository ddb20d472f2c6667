//! What holds of the planner in every state, whatever happens: the laws P1 to P7, P10 and P11 of the test pyramid.
//!
//! `PROPTEST_CASES` says how many stories are tried; what once failed is tried first.

#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod cuts;
mod diff;
mod moves;
mod plan;
