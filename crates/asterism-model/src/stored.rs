//! The stored form of commands and states: what stands in the log, in snapshots and on the wire between replicas.
//!
//! JSON under a version: names of fields and variants are part of the format, a field that is added later has a default
//! and is left out while it has it, so that a state without it keeps its digest. The bytes of version 1 are kept as a
//! test; a version that cannot be read so is a new number with a conversion, never a changed meaning.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

use crate::{Command, NetworkState};

/// The version that is written.
pub const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Stored<T> {
    version: u32,
    value: T,
}

/// Only the version, to tell a newer format from damage.
#[derive(Deserialize)]
struct StoredVersion {
    version: u32,
}

/// Bytes that are no stored form that this version reads.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    #[error("stored {what} has version {version}, and this program reads up to {VERSION}: run a newer one")]
    Newer { what: &'static str, version: u32 },
    #[error("stored {what} can't be read: it is damaged, or not ours")]
    Malformed {
        what: &'static str,
        #[source]
        source: serde_json::Error,
    },
}

pub fn encode_command(command: &Command) -> Vec<u8> {
    encode(command)
}

/// # Errors
/// The bytes are of a newer version, or no command.
pub fn decode_command(bytes: &[u8]) -> Result<Command, StoredError> {
    decode("command", bytes)
}

pub fn encode_state(state: &NetworkState) -> Vec<u8> {
    encode(state)
}

/// # Errors
/// The bytes are of a newer version, or no state.
pub fn decode_state(bytes: &[u8]) -> Result<NetworkState, StoredError> {
    decode("state", bytes)
}

/// SHA-256 of the stored form, in hexadecimal: equal on all replicas at equal index.
pub fn digest(state: &NetworkState) -> String {
    Sha256::digest(encode_state(state)).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(&Stored { version: VERSION, value })
        .expect("our types have string or integer keys and no fallible serialiser")
}

fn decode<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, StoredError> {
    match serde_json::from_slice::<Stored<T>>(bytes) {
        Ok(stored) if stored.version <= VERSION => Ok(stored.value),
        Ok(stored) => Err(StoredError::Newer { what, version: stored.version }),
        Err(source) => match serde_json::from_slice::<StoredVersion>(bytes) {
            Ok(StoredVersion { version }) if version > VERSION => Err(StoredError::Newer { what, version }),
            Ok(_) | Err(_) => Err(StoredError::Malformed { what, source }),
        },
    }
}
