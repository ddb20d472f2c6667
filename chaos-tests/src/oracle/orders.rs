//! A fence of its own on everything that a leader sends, one transaction at a time to each host, nothing after the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use asterism_model::{ClusterId, Fence, HostId};
use asterism_planner::{Action, Event};

use crate::sim::Time;

/// After which a reconciler gives an answer up, by its default settings.
const GIVES_UP_AFTER: Duration = Duration::from_secs(15);

/// What each leadership has sent.
#[derive(Default)]
pub struct Orders {
    leaderships: BTreeMap<u64, Leadership>,
}

struct Leadership {
    cluster: ClusterId,
    epoch: u64,
    fences: BTreeSet<(HostId, u64)>,
    under_way: BTreeMap<HostId, (Fence, Time)>,
    has_ended: bool,
}

impl Orders {
    pub fn begins(&mut self, generation: u64, cluster: ClusterId, epoch: u64) {
        let leadership = Leadership {
            cluster,
            epoch,
            fences: BTreeSet::new(),
            under_way: BTreeMap::new(),
            has_ended: false,
        };
        self.leaderships.insert(generation, leadership);
    }

    /// What it is told frees a host for the next transaction.
    pub fn hears(&mut self, generation: u64, event: &Event) {
        let Some(leadership) = self.leaderships.get_mut(&generation) else { return };
        if let Event::Transacted { host, fence, .. } = event {
            leadership.under_way.retain(|of, (sent, _)| of != host || sent != fence);
        } else if let Event::SessionLost { host, .. } = event {
            leadership.under_way.remove(host);
        }
    }

    /// # Errors
    /// It must not do that.
    pub fn acts(&mut self, generation: u64, action: &Action, now: Time) -> Result<(), String> {
        let Some(leadership) = self.leaderships.get_mut(&generation) else { return Ok(()) };
        if leadership.has_ended {
            return Err(format!("a leader that stepped down says {action:?}"));
        }
        if let Action::Claim { host, fence, .. } = action {
            leadership.marks(*host, *fence)
        } else if let Action::Transact { host, stored, fence, diff, .. } = action {
            leadership.marks(*host, *fence)?;
            if stored.epoch != fence.epoch || *stored >= *fence {
                return Err(format!("{stored} guards {fence} on {host}"));
            }
            if diff.is_empty() {
                return Err(format!("an empty transaction for {host}"));
            }
            let earlier = leadership.under_way.insert(*host, (*fence, now));
            match earlier.filter(|(_, since)| now.since(*since) < GIVES_UP_AFTER) {
                Some((sent, _)) => Err(format!("{host} is sent {fence} while {sent} is under way")),
                None => Ok(()),
            }
        } else {
            leadership.has_ended = matches!(action, Action::StepDown { .. });
            Ok(())
        }
    }
}

impl Leadership {
    fn marks(&mut self, host: HostId, fence: Fence) -> Result<(), String> {
        if (fence.cluster, fence.epoch) != (self.cluster, self.epoch) {
            return Err(format!("fence {fence} for {host} is not of epoch {}", self.epoch));
        }
        if !self.fences.insert((host, fence.revision)) {
            return Err(format!("fence {fence} is used twice for {host}"));
        }
        Ok(())
    }
}
