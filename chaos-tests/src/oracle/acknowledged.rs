//! What was acknowledged is never lost, what was refused has not happened, and what nobody answered may be either.

use std::collections::BTreeMap;

use asterism_model::{Operation, Reply, RequestId};

use crate::sim::{
    consensus::Consensus,
    operator::{Belief, Operator},
};

/// What operators have asked for.
#[derive(Default)]
pub struct Acknowledged {
    issued: BTreeMap<(u64, u64), Operation>,
}

impl Acknowledged {
    pub fn issued(&mut self, id: RequestId, operation: &Operation) {
        self.issued.insert((id.session.0, id.sequence), operation.clone());
    }

    /// # Errors
    /// An answer that the log knows nothing of.
    pub fn answered(&self, id: RequestId, reply: &Reply, log: &Consensus) -> Result<(), String> {
        let mut entries = log.entries.iter().rev().filter(|entry| entry.command.request == Some(id));
        if entries.any(|entry| entry.reply == *reply) {
            return Ok(());
        }
        Err(format!("{}#{} was answered {reply:?}, and no entry of the log says so", id.session, id.sequence))
    }

    /// What holds when everything has come to rest.
    ///
    /// # Errors
    /// Something was done that nobody asked for, or an operator was told otherwise.
    pub fn at_the_end(&self, log: &Consensus, operators: &[Operator]) -> Result<(), String> {
        for entry in &log.entries {
            let Some(id) = entry.command.request else { continue };
            if self.issued.get(&(id.session.0, id.sequence)) != Some(&entry.command.operation) {
                return Err(format!("nobody asked for {:?}", entry.command));
            }
        }
        let state = log.state();
        for operator in operators {
            for (name, belief) in &operator.networks {
                let is_there = state.networks().values().any(|network| network.name == *name);
                match (belief, is_there) {
                    (Belief::There, false) => {
                        return Err(format!("network {name} was acknowledged, and is not there"));
                    }
                    (Belief::Gone, true) => {
                        return Err(format!("network {name} was deleted or refused, and is there"));
                    }
                    (Belief::There, true) | (Belief::Gone, false) | (Belief::Either, _) => {}
                }
            }
        }
        Ok(())
    }
}
