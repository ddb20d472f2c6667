//! What was asked of the pool: every call, who made it, and how it ended. Tests count it.

use std::{sync::Mutex, time::Duration};

/// A call that was served, or that ended otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRecord {
    /// When it came, since the simulator started.
    pub at: Duration,
    /// How long it took.
    pub took: Duration,
    /// The name of the host that was asked.
    pub host: String,
    /// The method, as it was written: `Async.PIF.plug`.
    pub method: String,
    /// The originator of the session; empty where there is none.
    pub originator: String,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With a value.
    Success,
    /// With an error of this code.
    Failure(String),
    /// With an HTTP error, a broken answer or none.
    NoAnswer,
}

/// All calls: those that ended, in that order, and the methods of those that are under way.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    ended: Mutex<Vec<CallRecord>>,
    under_way: Mutex<Vec<String>>,
}

impl Journal {
    pub(crate) fn begin(&self, method: &str) {
        self.under_way.lock().expect("nobody panics while writing the journal").push(method.to_owned());
    }

    pub(crate) fn end(&self, call: CallRecord) {
        tracing::trace!(?call, "served");
        let mut under_way = self.under_way.lock().expect("nobody panics while writing the journal");
        if let Some(index) = under_way.iter().position(|method| *method == call.method) {
            under_way.swap_remove(index);
        }
        drop(under_way);
        self.ended.lock().expect("nobody panics while writing the journal").push(call);
    }

    pub(crate) fn all(&self) -> Vec<CallRecord> {
        self.ended.lock().expect("nobody panics while writing the journal").clone()
    }

    pub(crate) fn under_way(&self, method: &str) -> usize {
        let under_way = self.under_way.lock().expect("nobody panics while writing the journal");
        under_way.iter().filter(|name| *name == method).count()
    }

    pub(crate) fn clear(&self) {
        self.ended.lock().expect("nobody panics while writing the journal").clear();
    }
}
