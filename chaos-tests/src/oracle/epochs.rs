//! One leader in each term, epochs that only rise, and nobody who leads an epoch that is another's.

use std::collections::BTreeMap;

use asterism_model::{Command, Effect, NodeId, Operation, Reply};

/// Who was elected, and who claimed what.
#[derive(Default)]
pub struct Epochs {
    terms: BTreeMap<u64, usize>,
    claims: BTreeMap<u64, NodeId>,
    led: BTreeMap<u64, usize>,
}

impl Epochs {
    /// # Errors
    /// The term has a leader already.
    pub fn elected(&mut self, replica: usize, term: u64) -> Result<(), String> {
        match self.terms.insert(term, replica) {
            Some(other) if other != replica => {
                Err(format!("c{} and c{} were elected in term {term}", other + 1, replica + 1))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// # Errors
    /// An epoch was given out that is not above all others.
    pub fn committed(&mut self, command: &Command, reply: &Reply) -> Result<(), String> {
        let (Operation::ClaimEpoch { node }, Reply::Applied { effect: Effect::Epoch(epoch), .. }) =
            (&command.operation, reply)
        else {
            return Ok(());
        };
        let last = self.claims.last_key_value().map_or(0, |(last, _)| *last);
        self.claims.insert(*epoch, *node);
        if *epoch > last { Ok(()) } else { Err(format!("epoch {epoch} was claimed after {last}")) }
    }

    /// # Errors
    /// The epoch is not this replica's, or was led before.
    pub fn leads(&mut self, replica: usize, epoch: u64) -> Result<(), String> {
        if !self.is_of(epoch, replica) {
            return Err(format!("c{} leads epoch {epoch}, which is not its own", replica + 1));
        }
        match self.led.insert(epoch, replica) {
            Some(_) => Err(format!("epoch {epoch} is led twice")),
            None => Ok(()),
        }
    }

    pub fn is_of(&self, epoch: u64, replica: usize) -> bool {
        self.claims.get(&epoch).is_some_and(|node| usize::try_from(node.0) == Ok(replica + 1))
    }
}
