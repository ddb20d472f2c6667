//! The latch that a failed disk sets. Nothing is tried again after it: what a failed sync lost, a second one would
//! report as kept.

use std::{fmt, io};

use tokio::sync::watch;

use asterism_model::chain;

use crate::FatalError;

/// Shared by everything that touches the disk; the first failure stays.
#[derive(Clone, Default)]
pub struct Failure {
    first: watch::Sender<Option<FatalError>>,
}

impl Failure {
    /// Runs `act` unless something has failed before, and remembers its failure. `what` completes "can't …".
    pub fn guard<T>(&self, what: impl fmt::Display, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.check()?;
        act().map_err(|error| self.fail(format!("can't {what}: {}", chain(&error)), error.kind()))
    }

    /// # Errors
    /// Something failed before.
    pub fn check(&self) -> io::Result<()> {
        match &*self.first.borrow() {
            None => Ok(()),
            Some(fatal) => Err(io::Error::other(fatal.clone())),
        }
    }

    /// Remembers a failure, unless there is one already, and returns the one that is remembered.
    pub fn fail(&self, sentence: String, kind: io::ErrorKind) -> io::Error {
        let new = FatalError(sentence);
        self.first.send_if_modified(|first| {
            let is_first = first.is_none();
            if is_first {
                tracing::error!(error = %new, "storage failed");
                *first = Some(new.clone());
            }
            is_first
        });
        io::Error::new(kind, self.get().unwrap_or(new))
    }

    pub fn get(&self) -> Option<FatalError> {
        self.first.borrow().clone()
    }

    /// Resolves at the first failure.
    pub async fn failed(&self) -> FatalError {
        let mut first = self.first.subscribe();
        let failed = first.wait_for(Option::is_some).await.expect("`self` holds the sender");
        failed.clone().expect("waited for")
    }
}
