//! Equal state at equal index, on every replica.

use std::collections::BTreeMap;

use asterism_model::{NetworkState, NodeId, stored::digest};

/// How often the stored form is compared as well, which costs much more than the value.
const DIGEST_EACH: usize = 32;

/// The digests that were seen first.
#[derive(Default)]
pub struct Digests {
    known: BTreeMap<usize, String>,
}

impl Digests {
    /// # Errors
    /// A replica's state after so many entries is not what it is elsewhere.
    pub fn compare(
        &mut self,
        node: NodeId,
        index: usize,
        state: &NetworkState,
        truth: &NetworkState,
    ) -> Result<(), String> {
        if state != truth {
            return Err(format!("{node} has another state at index {index} than the others"));
        }
        if index.is_multiple_of(DIGEST_EACH) {
            let found = digest(state);
            let known = self.known.entry(index).or_insert_with(|| found.clone());
            if *known != found {
                return Err(format!("{node} has digest {found} at index {index}, another replica {known}"));
            }
        }
        Ok(())
    }
}
