//! What goes into the reconciler and what comes out.

use std::sync::Arc;

use asterism_model::{
    CallOutcome, Fence, HostDiff, HostId, NetworkState, ObservedHost, ObservedPool, Operation, OvsdbEndpoint,
    PoolCall, PoolId, PoolInventory, Refusal, RowUuid, StoredFence,
};

/// Something that happened. Events carry whole pictures, never deltas; one that is late or comes twice does no harm.
#[derive(Debug, Clone)]
pub enum Event {
    /// The replicated state after some more entries.
    State(Arc<NetworkState>),
    /// A picture of a host's OVSDB, over a session that is up.
    Picture { host: HostId, picture: Arc<ObservedHost> },
    /// The session to a host was lost, or could not be made.
    SessionLost { host: HostId, why: String },
    /// The answer to [`Action::Claim`].
    Claimed { host: HostId, fence: Fence, outcome: ClaimOutcome },
    /// The answer to [`Action::Transact`]; told apart by the fence, which no two transactions share.
    Transacted { host: HostId, fence: Fence, outcome: asterism_model::Outcome },
    /// A picture of a pool's XAPI, over a session that is up.
    PoolPicture { pool: PoolId, inventory: Arc<PoolInventory>, picture: Arc<ObservedPool> },
    /// The session to a pool's XAPI was lost, or could not be made.
    PoolLost { pool: PoolId, why: String },
    /// The answer to [`Action::CallPool`].
    PoolCalled { pool: PoolId, ticket: u64, outcome: CallOutcome },
    /// The answer to [`Action::Propose`].
    Proposed { operation: Operation, outcome: ProposalOutcome },
    /// Time has passed; sent when the deadline that was asked for has come.
    Wake,
    /// This controller leads no longer: nothing more comes out.
    Deposed,
}

/// What became of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// The host stores our fence.
    Claimed,
    /// The host stores a fence that ours may not replace.
    Refused(StoredFence),
    /// Another fence was written meanwhile, or nobody answered: look and claim again.
    Unknown(String),
}

/// What became of a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProposalOutcome {
    Applied,
    Refused(Refusal),
    /// No quorum, no leader, no answer: it may have happened.
    Unknown(String),
}

/// Something to do. The shell does it and reports back with an [`Event`].
#[derive(Debug, Clone)]
pub enum Action {
    /// Keep a session to this endpoint, and report its pictures and losses.
    Connect {
        host: HostId,
        endpoint: OvsdbEndpoint,
    },
    Disconnect {
        host: HostId,
    },
    /// Replace the stored fence by ours, if it is smaller or absent, in the database that was seen, known by its root row.
    /// Another one may have lost the fence of a later leader.
    Claim {
        host: HostId,
        root: RowUuid,
        fence: Fence,
    },
    /// Carry out the diff in one transaction that is guarded by `stored` and writes `fence`.
    Transact {
        host: HostId,
        stored: Fence,
        fence: Fence,
        diff: Box<HostDiff>,
        picture: Arc<ObservedHost>,
    },
    /// Keep a session to a pool's XAPI with the access that stands in the state, and report its pictures and losses.
    ConnectPool {
        pool: PoolId,
    },
    DisconnectPool {
        pool: PoolId,
    },
    /// Make a call of a pool's XAPI.
    CallPool {
        pool: PoolId,
        ticket: u64,
        call: PoolCall,
    },
    /// Propose to the log.
    Propose(Operation),
    /// A host knows a newer leader, or the log does: lead no longer.
    StepDown {
        reason: String,
    },
}
