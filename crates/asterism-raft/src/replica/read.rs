//! Reading the state: as it is here, or not older than the moment of the question.

use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::{Peer, Replica, View, rest};
use crate::{
    ReadError,
    net::{self, Class, Method, ReadIndex},
};

/// One attempt at finding out up to where a read has to have applied.
enum Attempt {
    Index(u64),
    NoQuorum,
    /// There is no leader, or it can't be asked: another attempt may find another.
    NoLeader {
        leader: Option<Peer>,
        reason: String,
    },
}

impl Replica {
    /// The state after the last of those entries after which every replica keeps its state, for comparisons.
    pub fn marked(&self) -> Option<View> {
        self.inner.machine.marked()
    }

    /// The state as it was applied here last, which may be long ago.
    pub fn read_stale(&self) -> View {
        self.inner.machine.view()
    }

    /// The state, not older than the moment of the call: the leader asks a majority whether it still leads, and a
    /// follower asks the leader. While there is no leader, waits for one.
    ///
    /// # Errors
    /// No leader, no majority, or not within the deadline; never an older state.
    pub async fn read_linearizable(&self, deadline: Duration) -> Result<View, ReadError> {
        let start = Instant::now();
        let mut leadership = self.watch_leadership();
        loop {
            self.check_running()?;
            leadership.mark_unchanged();
            let (leader, reason) = match timeout(rest(start, deadline), self.read_index(deadline)).await {
                Ok(Ok(Attempt::Index(index))) => return self.applied(index, start, deadline).await,
                Ok(Ok(Attempt::NoQuorum)) => return Err(ReadError::NoQuorum),
                Ok(Ok(Attempt::NoLeader { leader, reason })) => (leader, reason),
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(late(deadline, "the leader's word that it still leads")),
            };
            // The watching task lives as long as `self`, and ends with a last change.
            if timeout_at(start + deadline, leadership.changed()).await.is_err() {
                return Err(ReadError::NotLeader { leader, reason });
            }
        }
    }

    async fn read_index(&self, deadline: Duration) -> Result<Attempt, ReadError> {
        let own = net::read_index(&self.inner.raft).await.map_err(|fatal| self.stopped(&fatal))?;
        match own {
            ReadIndex::Applied(id) => return Ok(Attempt::Index(id.index)),
            ReadIndex::NoQuorum => return Ok(Attempt::NoQuorum),
            ReadIndex::NotLeader => (),
        }
        let leader = self.inner.leadership.borrow().leader.clone();
        let Some(peer) = leader.filter(|leader| leader.node != self.inner.config.node) else {
            return Ok(Attempt::NoLeader { leader: None, reason: "there is none".to_owned() });
        };
        let asked = self.inner.links.call(&peer, Class::Control, Method::ReadIndex, &(), deadline).await;
        let no_leader = |reason| Attempt::NoLeader { leader: Some(peer), reason };
        Ok(match asked {
            Ok(ReadIndex::Applied(id)) => Attempt::Index(id.index),
            Ok(ReadIndex::NoQuorum) => Attempt::NoQuorum,
            Ok(ReadIndex::NotLeader) => no_leader("it doesn't lead any more".to_owned()),
            Err(error) => no_leader(error.to_string()),
        })
    }

    async fn applied(&self, index: u64, start: Instant, deadline: Duration) -> Result<View, ReadError> {
        let mut applied = self.watch_applied();
        let reached = timeout_at(start + deadline, applied.wait_for(|applied| applied.index >= index)).await;
        match reached {
            Ok(Ok(_)) => Ok(self.read_stale()),
            Ok(Err(_)) | Err(_) => {
                self.check_running()?;
                Err(late(deadline, &format!("entry {index} to be applied here")))
            }
        }
    }
}

fn late(deadline: Duration, waited_for: &str) -> ReadError {
    ReadError::Deadline { deadline, waited_for: format!("waiting for {waited_for}") }
}
