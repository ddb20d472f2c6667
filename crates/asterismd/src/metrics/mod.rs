//! What Prometheus reads of a replica: counts that were kept, and the present as it is when it is asked for.
//!
//! [`Counters`] go along with those who do things and count as they happen. All else (who leads, how hosts are) is taken
//! from the replica, the replicated state and the leader's view at each scrape, so that it can't be out of date. Never
//! decides anything. Names follow Prometheus' conventions: base units, `_total` on what only grows.

mod counters;
mod hosts;
mod http;
mod machine;
mod networks;
mod pools;
mod raft;
mod sheet;
#[cfg(test)]
mod tests;
mod work;

use std::{sync::Arc, time::Duration};

use asterism_planner::Targets;
use asterism_raft::{Replica, Role};
use tokio::sync::watch;

pub use counters::Counters;
pub use http::{address, serve};
pub use sheet::{Definition, Sheet};

use crate::{agreement::Compared, clock::Clock, leader::LeaderView, vitals::Vitals};

/// Where a scrape looks.
#[derive(Clone)]
pub struct Metrics {
    pub replica: Replica,
    pub clock: Clock,
    pub view: watch::Receiver<Arc<LeaderView>>,
    pub counters: Counters,
    pub vitals: Vitals,
    /// A leader that no majority has answered for longer leads nobody.
    pub failover: Duration,
    /// What the last comparison of replicas said.
    pub compared: watch::Receiver<Compared>,
}

impl Metrics {
    /// All there is to tell.
    pub fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::default();
        let status = self.replica.status();
        let view = self.replica.read_stale();
        let shown = self.view.borrow().clone();
        let leading = shown.leading.as_ref();
        let targets = Targets::of(&view.state);

        machine::fill(&mut sheet, &self.vitals, &self.clock);
        raft::fill(&mut sheet, &status, &view, self.replica.meters());
        raft::agreement(&mut sheet, &self.compared.borrow());
        work::fill(&mut sheet, leading, &self.counters);
        hosts::fill(&mut sheet, &targets, leading, &self.counters);
        pools::fill(&mut sheet, &view.state, leading, &self.clock, &self.counters);
        networks::fill(&mut sheet, &view.state, leading);
        sheet
    }

    /// Whether operators' requests would be answered from here, in a sentence.
    ///
    /// # Errors
    /// Why not.
    pub fn readiness(&self) -> Result<String, String> {
        let status = self.replica.status();
        if status.role == Role::Stopped {
            return Err("this replica has stopped".into());
        }
        if status.members.is_empty() {
            return Err("this replica belongs to no cluster yet: `asterctl cluster init`".into());
        }
        let Some(leader) = status.leader else {
            return Err("no leader is known".into());
        };
        let is_alone = status.role == Role::Leader
            && status.members.iter().filter(|member| member.voter).count() > 1
            && status.last_quorum_ack.is_none_or(|age| age > self.failover);
        if is_alone {
            return Err("it leads, and hears from no majority".into());
        }
        Ok(format!("{leader} leads; applied {}", status.applied.unwrap_or(0)))
    }
}
