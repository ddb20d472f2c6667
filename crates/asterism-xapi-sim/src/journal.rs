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

/// All calls, in the order in which they ended.
#[derive(Debug, Default)]
pub(crate) struct Journal(Mutex<Vec<CallRecord>>);

impl Journal {
    pub(crate) fn add(&self, call: CallRecord) {
        tracing::trace!(?call, "served");
        self.0.lock().expect("nobody panics while writing the journal").push(call);
    }

    pub(crate) fn all(&self) -> Vec<CallRecord> {
        self.0.lock().expect("nobody panics while writing the journal").clone()
    }

    pub(crate) fn clear(&self) {
        self.0.lock().expect("nobody panics while writing the journal").clear();
    }
}
