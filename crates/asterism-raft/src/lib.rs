//! Consensus: the replicated log, and the one way to change [`NetworkState`](asterism_model::NetworkState).
//!
//! Owns the log on disk, the snapshots, the traffic between replicas, and openraft in between. Everything above talks
//! to a [`Replica`]: it proposes [`Operation`](asterism_model::Operation)s, reads a [`View`], and watches what was
//! applied and who leads. openraft's type parameters stop at this crate's edge.
//!
//! Never decides anything about networks, never listens (the daemon adds [`Replica::service`] to its server), and
//! never answers after its disk failed: it stops, and [`Replica::failed`] says why.
//!
//! Reading order: [`Replica`] (what others call), `types` (what openraft is told), `disk` (what storage must promise),
//! `log` and `machine` (how the promises are used), `net` (how replicas talk).

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod blocking;
mod config;
mod data_dir;
mod disk;
mod error;
mod failure;
mod log;
mod machine;
mod meters;
mod net;
mod recovery;
mod replica;
mod types;

pub use config::{ReplicaConfig, Timing};
pub use error::{
    ConnectError, FatalError, InitError, MembershipError, ProposeError, ReadError, StartError, TransferError,
};
pub use meters::{Meters, ProposalLabels};
pub use net::{PeerConnector, PeerService, PlainPeers, TlsPeers};
pub use recovery::{Findings, RecoverError, Survivor};
pub use replica::{
    Applied, Leadership, MemberStatus, Peer, Proposed, RaftService, Replica, Role, Status, View,
};

/// The pieces of a replica, for simulations and tests that put them together on other disks, networks and clocks.
pub mod parts {
    pub use crate::{
        blocking::{Blocking, SyncQueue},
        config::openraft_config,
        data_dir::{DataDir, Identity, Incarnation},
        disk::{
            Batch, LogDisk, Slot, SnapshotDisk,
            files::SnapshotFiles,
            rocks::RocksLog,
            sim::{Fault, SimLog, SimSnapshots},
        },
        failure::Failure,
        log::{LogStore, RecordError},
        machine::{SnapshotData, SnapshotError, Snapshots, StateMachine},
        types::{
            Address, Answer, CommittedLeaderId, Entry, LeaderId, LogId, Membership, Payload, Proposal,
            SnapshotMeta, StoredMembership, TokioTypes, Types, Vote,
        },
    };
}

mod proto {
    #![allow(clippy::all, clippy::pedantic, missing_docs)]
    tonic::include_proto!("asterism.raft.v1");
}
