//! Fences never decrease, carry epochs that their writers claimed, and nobody writes after a later leader's claim.
//!
//! A database that is put back to an earlier one has its earlier fence: then the memory of it goes back as well. One that
//! is emptied has none, and still no deposed leader may write to it.

use std::collections::BTreeMap;

use asterism_model::{Fence, StoredFence};

use super::epochs::Epochs;

/// What each machine has stored.
#[derive(Default)]
pub struct Fences {
    machines: BTreeMap<usize, Known>,
}

#[derive(Default)]
struct Known {
    last: Option<Fence>,
    /// The latest leader that was seen there.
    epoch: u64,
}

impl Fences {
    /// The database is a new one.
    pub fn renewed(&mut self, machine: usize) {
        self.machines.entry(machine).or_default().last = None;
    }

    /// The database is an earlier one.
    pub fn put_back(&mut self, machine: usize, stored: &StoredFence) {
        let last = match stored {
            StoredFence::Present(fence) => Some(*fence),
            StoredFence::Absent | StoredFence::Malformed(_) => None,
        };
        self.machines.insert(machine, Known { last, epoch: last.map_or(0, |fence| fence.epoch) });
    }

    /// A claim or a write of a replica was carried out.
    ///
    /// # Errors
    /// The machine should have refused it.
    pub fn wrote(
        &mut self,
        machine: usize,
        label: &str,
        replica: usize,
        stored: &StoredFence,
        epochs: &Epochs,
    ) -> Result<(), String> {
        let StoredFence::Present(fence) = stored else {
            return Err(format!("{label} was written to and stores no fence"));
        };
        if !epochs.is_of(fence.epoch, replica) {
            return Err(format!(
                "c{} left fence {fence} on {label}, an epoch that it never claimed",
                replica + 1
            ));
        }
        let known = self.machines.entry(machine).or_default();
        if fence.epoch < known.epoch {
            return Err(format!(
                "c{} wrote to {label} with epoch {}, after a leader of epoch {}",
                replica + 1,
                fence.epoch,
                known.epoch
            ));
        }
        if let Some(last) = known.last.filter(|last| *last > *fence) {
            return Err(format!("the fence of {label} fell from {last} to {fence}"));
        }
        *known = Known { last: Some(*fence), epoch: fence.epoch };
        Ok(())
    }
}
