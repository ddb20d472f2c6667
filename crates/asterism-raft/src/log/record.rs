//! How an entry or a value lies on disk: under a version, its own place, and a checksum over all of it.
//!
//! ```text
//! version 1 | kind 1 | crc32c 4 | term 8 | index 8 | content …        integers little-endian
//! ```
//!
//! The checksum finds flipped bits; the place finds a record that is whole but stands where another belongs.

use asterism_model::{StoredError, decode_command, encode_command};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    disk::Slot,
    types::{CommittedLeaderId, Entry, LogId, Payload, Proposal},
};

const VERSION: u8 = 1;
const HEADER: usize = 22;

/// Why bytes are no record of ours.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("{place} is cut short: {len} bytes; expected {HEADER} at least")]
    Short { place: String, len: usize },
    #[error("{place} fails its checksum")]
    Checksum { place: String },
    #[error("{place} holds {found} instead")]
    Misplaced { place: String, found: String },
    #[error("{place} is in format {version}, and this program reads up to {VERSION}")]
    Newer { place: String, version: u8 },
    #[error("{place} holds a command that can't be read")]
    Command {
        place: String,
        #[source]
        source: StoredError,
    },
    #[error("{place} can't be read")]
    Content {
        place: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("{place} is missing")]
    Missing { place: String },
}

impl RecordError {
    /// A newer version of the program wrote it; it isn't damaged.
    pub fn is_newer(&self) -> bool {
        matches!(self, Self::Newer { .. } | Self::Command { source: StoredError::Newer { .. }, .. })
    }
}

impl From<RecordError> for std::io::Error {
    fn from(error: RecordError) -> Self {
        Self::new(std::io::ErrorKind::InvalidData, error)
    }
}

/// What a record holds; the numbers are part of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Blank = 0,
    Command = 1,
    Membership = 2,
    Identity = 16,
    Vote = 17,
    Committed = 18,
    Purged = 19,
    Peers = 20,
}

impl From<Slot> for Kind {
    fn from(slot: Slot) -> Self {
        match slot {
            Slot::Identity => Self::Identity,
            Slot::Vote => Self::Vote,
            Slot::Committed => Self::Committed,
            Slot::Purged => Self::Purged,
            Slot::Peers => Self::Peers,
        }
    }
}

pub fn encode_entry(entry: &Entry) -> Vec<u8> {
    let (kind, content) = match &entry.payload {
        Payload::Blank => (Kind::Blank, Vec::new()),
        Payload::Normal(Proposal(command)) => (Kind::Command, encode_command(command)),
        Payload::Membership(membership) => (Kind::Membership, to_json(membership)),
    };
    frame(kind, entry.log_id.committed_leader_id().term, entry.log_id.index, &content)
}

/// # Errors
/// The bytes are no entry, or not the one with that index.
pub fn decode_entry(index: u64, bytes: &[u8]) -> Result<Entry, RecordError> {
    let place = || format!("entry {index} of the log");
    let record = unframe(place, bytes)?;
    if record.index != index {
        return Err(RecordError::Misplaced { place: place(), found: format!("entry {}", record.index) });
    }
    let payload = match record.kind {
        kind if kind == Kind::Blank as u8 => Payload::Blank,
        kind if kind == Kind::Command as u8 => decode_command(record.content)
            .map(|command| Payload::Normal(Proposal(command)))
            .map_err(|source| RecordError::Command { place: place(), source })?,
        kind if kind == Kind::Membership as u8 => Payload::Membership(from_json(place, record.content)?),
        kind => {
            return Err(RecordError::Misplaced { place: place(), found: format!("a record of kind {kind}") });
        }
    };
    Ok(Entry { log_id: LogId::new(CommittedLeaderId::new(record.term), index), payload })
}

pub fn encode_value<T: Serialize>(slot: Slot, value: &T) -> Vec<u8> {
    frame(Kind::from(slot), 0, 0, &to_json(value))
}

/// # Errors
/// The bytes are no value, or not the one of that slot.
pub fn decode_value<T: DeserializeOwned>(slot: Slot, bytes: &[u8]) -> Result<T, RecordError> {
    let place = || format!("the value `{slot:?}`");
    let record = unframe(place, bytes)?;
    if record.kind != Kind::from(slot) as u8 {
        let found = format!("a record of kind {}", record.kind);
        return Err(RecordError::Misplaced { place: place(), found });
    }
    from_json(place, record.content)
}

struct Record<'a> {
    kind: u8,
    term: u64,
    index: u64,
    content: &'a [u8],
}

fn frame(kind: Kind, term: u64, index: u64, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + content.len());
    bytes.extend([VERSION, kind as u8]);
    bytes.extend([0; 4]);
    bytes.extend(term.to_le_bytes());
    bytes.extend(index.to_le_bytes());
    bytes.extend(content);
    let checksum = checksum(&bytes);
    bytes[2..6].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

fn unframe(place: impl Fn() -> String, bytes: &[u8]) -> Result<Record<'_>, RecordError> {
    let Some((header, content)) = bytes.split_first_chunk::<HEADER>() else {
        return Err(RecordError::Short { place: place(), len: bytes.len() });
    };
    // The version is looked at first, since a newer one may be summed otherwise; a flip in it is found below.
    if header[0] > VERSION {
        return Err(RecordError::Newer { place: place(), version: header[0] });
    }
    if four(header, 2) != checksum(bytes) {
        return Err(RecordError::Checksum { place: place() });
    }
    Ok(Record { kind: header[1], term: eight(header, 6), index: eight(header, 14), content })
}

/// Over everything but the checksum itself.
fn checksum(bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&bytes[..2]), &bytes[6..])
}

fn four(header: &[u8; HEADER], at: usize) -> u32 {
    u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes"))
}

fn eight(header: &[u8; HEADER], at: usize) -> u64 {
    u64::from_le_bytes(header[at..at + 8].try_into().expect("eight bytes"))
}

fn to_json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("our types have string or integer keys and no fallible serialiser")
}

fn from_json<T: DeserializeOwned>(place: impl Fn() -> String, bytes: &[u8]) -> Result<T, RecordError> {
    serde_json::from_slice(bytes).map_err(|source| RecordError::Content { place: place(), source })
}

#[cfg(test)]
mod tests {
    use asterism_model::{Command, Name, Operation, Timestamp};

    use super::*;

    fn entry(index: u64) -> Entry {
        let name: Name = "pool-1".parse().unwrap();
        let command =
            Command { caller: None, request: None, at: Timestamp(7), operation: Operation::AddPool { name } };
        Entry {
            log_id: LogId::new(CommittedLeaderId::new(3), index),
            payload: Payload::Normal(Proposal(command)),
        }
    }

    #[test]
    fn an_entry_reads_as_it_was_written() {
        let bytes = encode_entry(&entry(9));
        assert_eq!(decode_entry(9, &bytes).unwrap(), entry(9));
    }

    #[test]
    fn any_flipped_bit_and_any_cut_is_found() {
        let bytes = encode_entry(&entry(9));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode_entry(9, &flipped).is_err(), "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert!(decode_entry(9, &bytes[..len]).is_err(), "cut to {len}");
        }
    }

    #[test]
    fn an_entry_in_the_place_of_another_is_found() {
        let error = decode_entry(10, &encode_entry(&entry(9))).unwrap_err();
        assert_eq!(error.to_string(), "entry 10 of the log holds entry 9 instead");
    }

    #[test]
    fn a_value_in_the_slot_of_another_is_found() {
        let bytes = encode_value(Slot::Committed, &Some(LogId::new(CommittedLeaderId::new(1), 2)));
        assert!(decode_value::<Option<LogId>>(Slot::Committed, &bytes).is_ok());
        assert!(decode_value::<Option<LogId>>(Slot::Purged, &bytes).is_err());
    }

    #[test]
    fn a_newer_record_is_told_from_a_damaged_one() {
        let mut bytes = encode_entry(&entry(9));
        bytes[0] = 2;
        let error = decode_entry(9, &bytes).unwrap_err();
        assert!(error.is_newer(), "{error}");
    }
}
