//! The cluster's certificates: an authority of its own, what it issues, and what a certificate says of its holder.
//!
//! [`Authority`] signs for a [`Subject`]; [`Certificate`] reads what anybody presents, and its [`Holder`] is all that a
//! replica goes by. [`files`] keeps pairs of certificate and key on disk, private and never overwritten. Never reads a clock:
//! the time is an argument. Never listens or connects; who may call what is the daemon's to say.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod authority;
mod certificate;
mod error;
pub mod files;
mod outset;
mod subject;

pub use authority::{Authority, Issued, Keys};
pub use certificate::{Certificate, Holder};
pub use error::PkiError;
pub use outset::{CLUSTER_KEY, Outset};
pub use subject::{Subject, node_name};

/// The DNS name in every node's certificate, which clients verify.
pub const NODE: &str = "controller.asterism";
/// The DNS name in the certificate that controllers show to hosts' databases.
pub const OVSDB: &str = "ovsdb.asterism";

/// A day, in seconds.
pub const DAY: i64 = 24 * 3600;
