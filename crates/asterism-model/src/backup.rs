//! The file in which operators keep the state: what `asterctl snapshot save` writes and `restore` reads.
//!
//! ```text
//! asterism-snapshot 1
//! <head: JSON on one line>
//! <state: its stored form, on one line>
//! sha256 <of all before this line, in hexadecimal>
//! ```
//!
//! Text, so that `sed -n 2p FILE | jq` shows what it is to whoever has no `asterctl` at hand. Secrets in it are sealed as they
//! are in the log. No replica starts from such a file: it is put in place through the log ([`crate::Operation::RestoreState`]).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    ClusterIdentity, NetworkState, NodeId, StoredError, Timestamp, decode_state, encode_state, stored::digest,
};

const MAGIC: &str = "asterism-snapshot ";
const VERSION: u32 = 1;
const SUM: &str = "sha256 ";

/// What a backup tells of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupHead {
    pub cluster: ClusterIdentity,
    /// Whose state it is, and who the members were, with their addresses.
    pub node: NodeId,
    pub members: BTreeMap<NodeId, String>,
    /// Of the last entry in the state.
    pub index: u64,
    /// In which that replica was.
    pub term: u64,
    pub epoch: u64,
    pub revision: u64,
    /// Of the state: [`crate::stored::digest`].
    pub digest: String,
    /// By that replica's clock.
    pub taken_at: Timestamp,
    /// Version of the program.
    pub program: String,
    pub pools: usize,
    pub hosts: usize,
    pub networks: usize,
}

/// A state with what it tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    pub head: BackupHead,
    pub state: NetworkState,
}

/// Where a state was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenAt {
    pub node: NodeId,
    pub members: BTreeMap<NodeId, String>,
    pub index: u64,
    pub term: u64,
    pub time: Timestamp,
    pub program: String,
}

/// Why bytes are no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("it is no snapshot of Asterism: it doesn't begin with `{MAGIC}`")]
    Magic,
    #[error("it is in format {version}, and this program reads up to {VERSION}: use a newer one")]
    Newer { version: u32 },
    #[error("it is cut short")]
    Short,
    #[error("it fails its checksum: it was damaged or changed")]
    Checksum,
    #[error("its head can't be read")]
    Head(#[source] serde_json::Error),
    #[error(transparent)]
    State(#[from] StoredError),
    #[error("its head tells of another state than the one that follows")]
    Digest,
}

impl Backup {
    /// `None` of a state without a cluster: there is nothing to keep.
    pub fn of(state: &NetworkState, taken: TakenAt) -> Option<Self> {
        let head = BackupHead {
            cluster: state.cluster()?.clone(),
            node: taken.node,
            members: taken.members,
            index: taken.index,
            term: taken.term,
            epoch: state.epoch(),
            revision: state.revision(),
            digest: digest(state),
            taken_at: taken.time,
            program: taken.program,
            pools: state.pools().len(),
            hosts: state.hosts().len(),
            networks: state.networks().len(),
        };
        Some(Self { head, state: state.clone() })
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = format!("{MAGIC}{VERSION}\n").into_bytes();
        bytes.extend(
            serde_json::to_vec(&self.head).expect("a head has integer keys and no fallible serialiser"),
        );
        bytes.push(b'\n');
        bytes.extend(encode_state(&self.state));
        bytes.push(b'\n');
        let sum = sum(&bytes);
        bytes.extend(format!("{SUM}{sum}\n").into_bytes());
        bytes
    }

    /// Reads and checks all of it.
    ///
    /// # Errors
    /// It is damaged, of a newer version, or no backup.
    pub fn decode(bytes: &[u8]) -> Result<Self, BackupError> {
        let rest = bytes.strip_prefix(MAGIC.as_bytes()).ok_or(BackupError::Magic)?;
        let (version, rest) = line(rest)?;
        let version = std::str::from_utf8(version).ok().and_then(|text| text.parse().ok());
        let version: u32 = version.ok_or(BackupError::Magic)?;
        if version > VERSION {
            return Err(BackupError::Newer { version });
        }
        let (head, rest) = line(rest)?;
        let (state, rest) = line(rest)?;
        let (found, rest) = line(rest)?;
        let content = bytes.len() - rest.len() - found.len() - 1;
        let expected = format!("{SUM}{}", sum(&bytes[..content]));
        if !rest.is_empty() || found != expected.as_bytes() {
            return Err(BackupError::Checksum);
        }
        let head: BackupHead = serde_json::from_slice(head).map_err(BackupError::Head)?;
        let state = decode_state(state)?;
        if head.digest != digest(&state) || state.cluster() != Some(&head.cluster) {
            return Err(BackupError::Digest);
        }
        Ok(Self { head, state })
    }
}

/// Up to a line's end, and what follows it.
fn line(bytes: &[u8]) -> Result<(&[u8], &[u8]), BackupError> {
    let end = bytes.iter().position(|byte| *byte == b'\n').ok_or(BackupError::Short)?;
    Ok((&bytes[..end], &bytes[end + 1..]))
}

fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClusterId, Command, Operation};

    fn sample() -> Backup {
        let mut state = NetworkState::default();
        let operation = Operation::InitCluster { cluster: ClusterId(7), name: "c".parse().unwrap() };
        state.apply(&Command { caller: None, request: None, at: Timestamp(1), operation });
        let taken = TakenAt {
            node: NodeId(2),
            members: BTreeMap::from([(NodeId(2), "10.0.0.2:7400".to_owned())]),
            index: 41,
            term: 3,
            time: Timestamp(1_700_000_000_000),
            program: "1.2.3".to_owned(),
        };
        Backup::of(&state, taken).unwrap()
    }

    #[test]
    fn a_backup_reads_as_it_was_written() {
        let backup = sample();
        assert_eq!(Backup::decode(&backup.encode()).unwrap(), backup);
    }

    #[test]
    fn any_changed_bit_and_any_cut_is_found() {
        let bytes = sample().encode();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Backup::decode(&flipped).is_err(), "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert!(Backup::decode(&bytes[..len]).is_err(), "cut to {len}");
        }
        assert!(matches!(Backup::decode(&[bytes.as_slice(), b"x"].concat()), Err(BackupError::Checksum)));
    }

    #[test]
    fn a_newer_one_is_told_from_a_damaged_one() {
        let text = String::from_utf8(sample().encode()).unwrap().replacen("snapshot 1", "snapshot 2", 1);
        let error = Backup::decode(text.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "it is in format 2, and this program reads up to 1: use a newer one");
    }

    #[test]
    fn a_state_without_a_cluster_is_not_worth_keeping() {
        let taken = TakenAt {
            node: NodeId(1),
            members: BTreeMap::new(),
            index: 0,
            term: 0,
            time: Timestamp(0),
            program: String::new(),
        };
        assert_eq!(Backup::of(&NetworkState::default(), taken), None);
    }
}
