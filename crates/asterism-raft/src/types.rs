//! What openraft is told about our types. Its type parameters are fixed here, once; the one that stays open is the
//! runtime, so that a simulation can bring its own.

use std::{fmt, marker::PhantomData};

use asterism_model::{Command, Reply, decode_command, encode_command};
use openraft::{
    AsyncRuntime, OptionalSend, RaftTypeConfig,
    impls::{BoxedErrorSource, InlineBatch, ProgressResponder},
    vote::leader_id_std,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// In a term, at most one leader: openraft's other form of a leader id allows two, told apart by their node ids.
pub type LeaderId = leader_id_std::LeaderId<u64, u64>;
pub type CommittedLeaderId = leader_id_std::CommittedLeaderId<u64>;
pub type Vote = openraft::Vote<LeaderId>;
pub type LogId = openraft::LogId<CommittedLeaderId>;
pub type Payload = openraft::EntryPayload<Proposal, u64, Address>;
pub type Entry = openraft::Entry<CommittedLeaderId, Payload>;
pub type Membership = openraft::Membership<u64, Address>;
pub type StoredMembership = openraft::StoredMembership<CommittedLeaderId, u64, Address>;
pub type SnapshotMeta = openraft::SnapshotMeta<CommittedLeaderId, u64, Address>;

/// The types of a replica on the runtime `R`.
pub struct Types<R>(PhantomData<fn() -> R>);

/// A replica's types in production.
pub type TokioTypes = Types<openraft_rt_tokio::TokioRuntime>;

impl<R: AsyncRuntime> RaftTypeConfig for Types<R> {
    type D = Proposal;
    type R = Answer;
    type NodeId = u64;
    type Node = Address;
    type Term = u64;
    type LeaderId = LeaderId;
    type Vote = Vote;
    type Payload = Payload;
    type Entry = Entry;
    type AsyncRuntime = R;
    type Responder<T>
        = ProgressResponder<Self, T>
    where
        T: OptionalSend + 'static;
    type Batch<T>
        = InlineBatch<T>
    where
        T: OptionalSend + 'static;
    type ErrorSource = BoxedErrorSource;
}

/// openraft asks its marker type for these traits; a derive would ask the runtime for them too.
mod marker {
    use std::{cmp::Ordering, fmt, marker::PhantomData};

    use super::Types;

    impl<R> Clone for Types<R> {
        fn clone(&self) -> Self {
            *self
        }
    }

    impl<R> Copy for Types<R> {}

    impl<R> Default for Types<R> {
        fn default() -> Self {
            Self(PhantomData)
        }
    }

    impl<R> fmt::Debug for Types<R> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Types")
        }
    }

    impl<R> PartialEq for Types<R> {
        fn eq(&self, _: &Self) -> bool {
            true
        }
    }

    impl<R> Eq for Types<R> {}

    impl<R> PartialOrd for Types<R> {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }

    impl<R> Ord for Types<R> {
        fn cmp(&self, _: &Self) -> Ordering {
            Ordering::Equal
        }
    }
}

/// A command on its way through the log. Its form between replicas is its stored form, version and all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal(pub Command);

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.request {
            Some(request) => write!(f, "request {} of session {}", request.sequence, request.session),
            None => f.write_str("a controller's own command"),
        }
    }
}

impl Serialize for Proposal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json = String::from_utf8(encode_command(&self.0)).map_err(serde::ser::Error::custom)?;
        RawValue::from_string(json).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Proposal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        decode_command(json.get().as_bytes()).map(Self).map_err(serde::de::Error::custom)
    }
}

/// What applying an entry gives: a reply for a command, nothing for openraft's own entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer(pub Option<Reply>);

/// Where a member is reached: `host:port`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(pub String);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Term and index of an entry, or zeros for "none", as file names and messages have it.
pub fn term_and_index(id: Option<&LogId>) -> (u64, u64) {
    id.map_or((0, 0), |id| (id.committed_leader_id().term, id.index))
}
