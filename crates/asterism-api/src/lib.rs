//! The admin API on the wire: the `.proto`, the code made of it, and what stands between it and the model.
//!
//! Owns [`v1`] (generated), the conversions to and from the model's nouns ([`convert`]), the failures that a status
//! can carry ([`ApiError`] at the server, [`Failure`] at the client), and the [`client`] that asterctl and forwarding
//! replicas use. Serves nothing and decides nothing: the service itself is asterismd's.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod client;
pub mod convert;
mod error;
mod failure;
mod status;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use client::{Client, ClientConfig, Security};
pub use convert::FieldError;
pub use error::ApiError;
pub use failure::{Class, Failure};

/// Messages and service as generated from `proto/asterism/admin/v1`.
#[allow(clippy::pedantic, clippy::wildcard_enum_match_arm, clippy::cast_lossless, missing_docs)]
// A replica's status is large beside why it can't be had; there are a few of them in one answer.
#[allow(clippy::large_enum_variant)]
pub mod v1 {
    tonic::include_proto!("asterism.admin.v1");

    pub use admin_client::AdminClient;
    pub use admin_server::{Admin, AdminServer};

    impl std::fmt::Debug for Secret {
        /// Never its text.
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Secret(..)")
        }
    }

    /// The descriptors of all messages and of the service, for gRPC reflection.
    pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/asterism.bin"));
}

/// The DNS name in every replica's certificate: what clients verify, whichever address they dial.
pub const SERVER_NAME: &str = "controller.asterism";

/// Set on a request that one replica passes on to another, which then answers itself or says that it does not lead:
/// two replicas that take each other for the leader don't send a request in circles.
pub const FORWARDED: &str = "asterism-forwarded";
