//! Against simulated pools, which answer as real ones do, in good days and bad ones.

#![allow(clippy::unwrap_used)]

mod adoption;
mod calls;
mod masters;
mod sessions;
mod support;
mod surveys;
mod trust;
mod versions;
mod watching;
