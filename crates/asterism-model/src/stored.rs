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
    #[error(
        "stored {what} holds what this program does not know: run the version that wrote it, or a newer one"
    )]
    Unknown { what: &'static str },
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

fn decode<T: Serialize + DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, StoredError> {
    let malformed = |source| StoredError::Malformed { what, source };
    let StoredVersion { version } = serde_json::from_slice(bytes).map_err(malformed)?;
    if version > VERSION {
        return Err(StoredError::Newer { what, version });
    }
    let stored: Stored<T> = serde_json::from_slice(bytes).map_err(malformed)?;
    // serde passes over a field that it does not know. A replica that did so would apply another command than the one
    // that wrote it, so what was read must say all that stands there.
    if encode(&stored.value) != bytes {
        return Err(StoredError::Unknown { what });
    }
    Ok(stored.value)
}
