//! Proposing a command: what was not proposed is told from what may have happened.

use std::time::Duration;

use asterism_model::{Caller, Command, NodeId, Operation, RequestId, Timestamp, encode_command};
use openraft::errors::{ClientWriteError, ForwardReason, ForwardToLeader, RaftError};
use tokio::time::{Instant, timeout};

use super::{Peer, Proposed, Replica, rest};
use crate::{
    ProposeError,
    types::{Proposal, TokioTypes},
};

/// Far above what an operator's command takes; below what a message between replicas may carry.
const MAX_COMMAND_BYTES: usize = 1 << 20;

/// A whole state. Half of what a message between replicas may carry.
const MAX_RESTORE_BYTES: usize = 8 << 20;

type WriteError = RaftError<TokioTypes, ClientWriteError<TokioTypes>>;

impl Replica {
    /// Appends a command of the controllers' own to the log and waits until it is applied here. `now` is this node's clock.
    ///
    /// # Errors
    /// See [`Self::propose_for`].
    pub async fn propose(
        &self,
        operation: Operation,
        request: Option<RequestId>,
        now: Timestamp,
        deadline: Duration,
    ) -> Result<Proposed, ProposeError> {
        self.propose_command(Command { caller: None, request, at: now, operation }, deadline).await
    }

    /// The same for somebody who asked for it, and whom the audit trail names.
    ///
    /// # Errors
    /// All but [`ProposeError::Unknown`] say that it was not and will not be applied.
    pub async fn propose_for(
        &self,
        caller: Caller,
        operation: Operation,
        request: Option<RequestId>,
        now: Timestamp,
        deadline: Duration,
    ) -> Result<Proposed, ProposeError> {
        self.propose_command(Command { caller: Some(caller), request, at: now, operation }, deadline).await
    }

    async fn propose_command(&self, command: Command, deadline: Duration) -> Result<Proposed, ProposeError> {
        let start = Instant::now();
        let proposed = self.propose_at(start, command, deadline).await;
        self.inner.meters.count(&proposed, start.elapsed().as_secs_f64());
        proposed
    }

    async fn propose_at(
        &self,
        start: Instant,
        command: Command,
        deadline: Duration,
    ) -> Result<Proposed, ProposeError> {
        self.check_running()?;
        let size = encode_command(&command).len();
        let max = max_bytes(&command.operation);
        if size > max {
            return Err(ProposeError::TooLarge { size, max });
        }
        let permit = timeout(deadline, self.inner.proposals.acquire()).await;
        let Ok(Ok(_permit)) = permit else { return Err(ProposeError::Busy) };
        let left = rest(start, deadline);
        let Ok(written) = timeout(left, self.inner.raft.client_write(Proposal(command))).await else {
            let reason = format!("not applied within {} ms", deadline.as_millis());
            return Err(ProposeError::Unknown { reason });
        };
        let written = written.map_err(|error| self.propose_error(error))?;
        let reply = written.data.0.expect("a command's answer has a reply");
        Ok(Proposed { index: written.log_id.index, reply })
    }

    fn propose_error(&self, error: WriteError) -> ProposeError {
        match error {
            RaftError::APIError(ClientWriteError::ForwardToLeader(forward)) => match forward.reason {
                ForwardReason::LeaseExpired => ProposeError::NoQuorum,
                ForwardReason::NotLeader => ProposeError::NotLeader { leader: forwarded(&forward) },
                // The one that takes over may not.
                ForwardReason::LeadershipTransfer => ProposeError::NotLeader { leader: None },
            },
            RaftError::APIError(error) => ProposeError::Unknown { reason: error.to_string() },
            // openraft tells alike what it never took and what it took before it stopped.
            RaftError::Fatal(fatal) => ProposeError::Unknown { reason: self.stopped(&fatal).to_string() },
        }
    }
}

fn max_bytes(operation: &Operation) -> usize {
    if matches!(operation, Operation::RestoreState { .. }) { MAX_RESTORE_BYTES } else { MAX_COMMAND_BYTES }
}

pub fn forwarded(forward: &ForwardToLeader<TokioTypes>) -> Option<Peer> {
    let node = NodeId(forward.leader_id?);
    Some(Peer { node, address: forward.leader_node.as_ref()?.0.clone() })
}
