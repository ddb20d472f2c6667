//! Client sessions: what makes a retried request take effect once.

use serde::{Deserialize, Serialize};

use crate::{Refusal, Reply, RequestId, Timestamp};

/// How many sessions are kept; the one unused for longest goes first. A CLI opens one per invocation, so this is the
/// number of commands that may pass between a request and its retry.
pub const MAX_SESSIONS: usize = 1024;

/// How long an unused session is kept, in milliseconds of replicated time: a day.
pub const MAX_IDLE_MS: u64 = 24 * 3600 * 1000;

/// One client's session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub last_used: Timestamp,
    /// The last request that was applied and its reply, given again to a retry.
    pub last: Option<(u64, Reply)>,
}

impl Session {
    /// What to do with a request: `Ok(None)` to apply it, `Ok(Some(reply))` when it was applied before.
    pub fn admit(&self, request: RequestId) -> Result<Option<&Reply>, Refusal> {
        let expected = self.last.as_ref().map_or(1, |(sequence, _)| sequence.saturating_add(1));
        match &self.last {
            Some((sequence, reply)) if *sequence == request.sequence => Ok(Some(reply)),
            Some(_) | None if request.sequence == expected => Ok(None),
            Some(_) | None => Err(Refusal::OutOfSequence { sequence: request.sequence, expected }),
        }
    }
}
