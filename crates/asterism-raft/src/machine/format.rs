//! How a snapshot lies in a file and travels to a follower.
//!
//! ```text
//! "ASTRSNAP" | version 4 | length of head 4 | head: JSON | length of state 8 | state: its stored form | crc32c 4
//! ```
//!
//! Integers are little-endian; the checksum is over all before it.

use asterism_model::{NetworkState, StoredError, decode_state, encode_state};

use crate::types::SnapshotMeta;

const MAGIC: &[u8; 8] = b"ASTRSNAP";
const VERSION: u32 = 1;

/// Why bytes are no snapshot of ours.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("it doesn't begin as a snapshot")]
    Magic,
    #[error("it is in format {version}, and this program reads up to {VERSION}")]
    Newer { version: u32 },
    #[error("it is cut short")]
    Short,
    #[error("it fails its checksum")]
    Checksum,
    #[error("its head can't be read")]
    Head(#[source] serde_json::Error),
    #[error("its state can't be read")]
    State(#[source] StoredError),
}

impl SnapshotError {
    /// A newer version of the program wrote it; it isn't damaged.
    pub fn is_newer(&self) -> bool {
        matches!(self, Self::Newer { .. } | Self::State(StoredError::Newer { .. }))
    }
}

pub fn encode(meta: &SnapshotMeta, state: &NetworkState) -> Vec<u8> {
    let head = serde_json::to_vec(meta).expect("a head has integer keys and no fallible serialiser");
    let state = encode_state(state);
    let mut bytes = Vec::with_capacity(head.len() + state.len() + 32);
    bytes.extend(MAGIC);
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(u32::try_from(head.len()).expect("a head is some kilobytes").to_le_bytes());
    bytes.extend(&head);
    bytes.extend((state.len() as u64).to_le_bytes());
    bytes.extend(&state);
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    bytes
}

/// # Errors
/// The bytes are damaged, of a newer version, or no snapshot.
pub fn decode(bytes: &[u8]) -> Result<(SnapshotMeta, NetworkState), SnapshotError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(SnapshotError::Magic)?;
    let (version, rest) = rest.split_first_chunk().ok_or(SnapshotError::Short)?;
    let version = u32::from_le_bytes(*version);
    if version > VERSION {
        return Err(SnapshotError::Newer { version });
    }
    let (content, checksum) = bytes.split_last_chunk().ok_or(SnapshotError::Short)?;
    if u32::from_le_bytes(*checksum) != crc32c::crc32c(content) {
        return Err(SnapshotError::Checksum);
    }
    let (head_len, rest) = rest.split_first_chunk().ok_or(SnapshotError::Short)?;
    let (head, rest) = split(rest, u64::from(u32::from_le_bytes(*head_len)))?;
    let (state_len, rest) = rest.split_first_chunk().ok_or(SnapshotError::Short)?;
    let (state, _) = split(rest, u64::from_le_bytes(*state_len))?;
    let meta = serde_json::from_slice(head).map_err(SnapshotError::Head)?;
    Ok((meta, decode_state(state).map_err(SnapshotError::State)?))
}

fn split(bytes: &[u8], at: u64) -> Result<(&[u8], &[u8]), SnapshotError> {
    usize::try_from(at).ok().and_then(|at| bytes.split_at_checked(at)).ok_or(SnapshotError::Short)
}

#[cfg(test)]
mod tests {
    use asterism_model::{ClusterId, Command, Operation, Timestamp};

    use super::*;
    use crate::types::{CommittedLeaderId, LogId, StoredMembership};

    fn sample() -> (SnapshotMeta, NetworkState) {
        let mut state = NetworkState::default();
        let operation = Operation::InitCluster { cluster: ClusterId(7), name: "c".parse().unwrap() };
        state.apply(&Command { caller: None, request: None, at: Timestamp(1), operation });
        let last = Some(LogId::new(CommittedLeaderId::new(2), 41));
        (SnapshotMeta { last_log_id: last, last_membership: StoredMembership::default() }, state)
    }

    #[test]
    fn a_snapshot_reads_as_it_was_written() {
        let (meta, state) = sample();
        assert_eq!(decode(&encode(&meta, &state)).unwrap(), (meta, state));
    }

    #[test]
    fn any_flipped_bit_and_any_cut_is_found() {
        let (meta, state) = sample();
        let bytes = encode(&meta, &state);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&flipped).is_err(), "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert!(decode(&bytes[..len]).is_err(), "cut to {len}");
        }
    }
}
