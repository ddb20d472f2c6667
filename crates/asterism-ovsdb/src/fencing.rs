//! The fence in OVSDB: who may write, and how a host is claimed.
//!
//! Pure. The stored fence stands in `Open_vSwitch.external_ids` under [`FENCE_KEY`]. Every transaction begins with a
//! guard on its exact text. Maps cannot be compared with `<` in OVSDB, so "only if mine is greater" is read, compare,
//! compare-and-set.

use asterism_model::{Fence, RowUuid, StoredFence, fence::FENCE_KEY};
use serde_json::{Value, json};

use crate::{
    schema::Table,
    transaction::{Transaction, mutate, wait},
    value::{map_json, uuid_json},
};

/// Why a host's stored fence stands against a writer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FenceRefusal {
    /// A later leader, or this one at a later revision, wrote to the host.
    #[error("the host stores fence {stored}, which is greater than {ours}")]
    Superseded { stored: Fence, ours: Fence },
    #[error("the host belongs to cluster {}: it stores fence {stored}, ours is {ours}", stored.cluster)]
    OtherCluster { stored: Fence, ours: Fence },
    #[error(
        "the host stores `{text}` where a fence belongs: expected <cluster id>:<epoch>:<revision>, or nothing"
    )]
    Malformed { text: String },
    /// Never given by [`claim`].
    #[error("the host is not claimed for epoch {}: it stores {}", ours.epoch, show(*stored))]
    Unclaimed { stored: Option<Fence>, ours: Fence },
}

fn show(fence: Option<Fence>) -> String {
    fence.map_or_else(|| "no fence".to_owned(), |fence| format!("fence {fence}"))
}

/// What is to be done to claim a host.
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// The host stores this very fence.
    Held,
    /// To be committed. When its guard fails the fence changed in between: look again.
    Needed(Transaction),
}

/// The fence to guard a write on, if the host's is one that `ours` may follow: claimed for our epoch, at no later
/// revision.
pub fn admit(stored: &StoredFence, ours: Fence) -> Result<Fence, FenceRefusal> {
    match stored {
        StoredFence::Absent => Err(FenceRefusal::Unclaimed { stored: None, ours }),
        StoredFence::Malformed(text) => Err(FenceRefusal::Malformed { text: text.clone() }),
        StoredFence::Present(stored) => {
            follow(*stored, ours)?;
            if stored.epoch == ours.epoch {
                Ok(*stored)
            } else {
                Err(FenceRefusal::Unclaimed { stored: Some(*stored), ours })
            }
        }
    }
}

/// The transaction that raises the stored fence to `ours`, if it may be raised.
pub fn claim(root: RowUuid, stored: &StoredFence, ours: Fence) -> Result<Claim, FenceRefusal> {
    match stored {
        StoredFence::Absent => {
            // OVSDB cannot say "the key is absent". But inserting a pair leaves a key alone that is there (RFC 7047
            // §5.1), so this is the guard: insert, then demand that what is there is ours. Either both hold or nothing
            // is kept.
            let mut transaction = Transaction::default();
            transaction.push("writing the fence", insert_fence(root, ours));
            transaction.push_guard(guard(root, ours));
            Ok(Claim::Needed(transaction))
        }
        StoredFence::Malformed(text) => Err(FenceRefusal::Malformed { text: text.clone() }),
        StoredFence::Present(stored) if *stored == ours => Ok(Claim::Held),
        StoredFence::Present(stored) => {
            follow(*stored, ours)?;
            let mut transaction = Transaction::guarded_by(guard(root, *stored));
            raise(&mut transaction, root, *stored, ours);
            Ok(Claim::Needed(transaction))
        }
    }
}

/// Whether `ours` is the stored fence or a later one of the same cluster.
fn follow(stored: Fence, ours: Fence) -> Result<(), FenceRefusal> {
    if stored.cluster != ours.cluster {
        return Err(FenceRefusal::OtherCluster { stored, ours });
    }
    if stored > ours { Err(FenceRefusal::Superseded { stored, ours }) } else { Ok(()) }
}

/// Holds only while the host stores exactly this fence.
pub fn guard(root: RowUuid, stored: Fence) -> Value {
    let conditions = json!([["external_ids", "includes", map_json([(FENCE_KEY, stored.to_string())])]]);
    wait(Table::OpenVswitch, conditions, json!({ "_uuid": uuid_json(root) }))
}

/// Appends what replaces the stored fence; nothing where it is the same.
pub fn raise(transaction: &mut Transaction, root: RowUuid, stored: Fence, ours: Fence) {
    if stored == ours {
        return;
    }
    let remove = json!([["external_ids", "delete", ["set", [FENCE_KEY]]]]);
    transaction.push("removing the old fence", mutate(Table::OpenVswitch, this(root), remove));
    transaction.push("writing the fence", insert_fence(root, ours));
}

fn insert_fence(root: RowUuid, fence: Fence) -> Value {
    let insert = json!([["external_ids", "insert", map_json([(FENCE_KEY, fence.to_string())])]]);
    mutate(Table::OpenVswitch, this(root), insert)
}

/// The condition that picks one row.
pub fn this(row: RowUuid) -> Value {
    json!([["_uuid", "==", uuid_json(row)]])
}

#[cfg(test)]
mod tests {
    use asterism_model::ClusterId;

    use super::*;

    fn fence(cluster: u128, epoch: u64, revision: u64) -> Fence {
        Fence { cluster: ClusterId(cluster), epoch, revision }
    }

    fn refusal(stored: StoredFence, ours: Fence) -> (Option<FenceRefusal>, Option<FenceRefusal>) {
        (admit(&stored, ours).err(), claim(RowUuid(1), &stored, ours).err())
    }

    #[test]
    fn a_greater_fence_and_another_cluster_stand_against_all() {
        let ours = fence(1, 5, 7);
        for stored in [fence(1, 6, 0), fence(1, 5, 8)] {
            let refused = Some(FenceRefusal::Superseded { stored, ours });
            assert_eq!(refusal(StoredFence::Present(stored), ours), (refused.clone(), refused));
        }
        let stored = fence(2, 1, 1);
        let refused = Some(FenceRefusal::OtherCluster { stored, ours });
        assert_eq!(refusal(StoredFence::Present(stored), ours), (refused.clone(), refused));
    }

    #[test]
    fn writing_needs_a_claim_and_claiming_does_not() {
        let ours = fence(1, 5, 7);
        let lower = fence(1, 4, 99);
        assert_eq!(
            refusal(StoredFence::Present(lower), ours),
            (Some(FenceRefusal::Unclaimed { stored: Some(lower), ours }), None)
        );
        assert_eq!(
            refusal(StoredFence::Absent, ours),
            (Some(FenceRefusal::Unclaimed { stored: None, ours }), None)
        );
        assert_eq!(admit(&StoredFence::Present(fence(1, 5, 3)), ours), Ok(fence(1, 5, 3)));
    }

    #[test]
    fn a_held_fence_is_not_written_again() {
        let ours = fence(1, 5, 7);
        assert_eq!(claim(RowUuid(1), &StoredFence::Present(ours), ours), Ok(Claim::Held));
    }
}
