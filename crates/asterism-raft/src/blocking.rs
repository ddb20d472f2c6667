//! Where work is done that blocks: syncs and large files.

use std::{fmt, io, sync::Arc};

/// Who waits for the disk.
#[derive(Debug, Clone)]
pub enum Blocking {
    /// Threads for that purpose.
    Threads,
    /// Whoever asks, at once: deterministic, for simulations.
    Inline,
    /// Syncs of the log wait in a queue of a simulation's, whose disk takes its time; all else is as [`Blocking::Inline`].
    Queued(Arc<dyn SyncQueue>),
}

/// Syncs that a simulation carries out when it pleases.
pub trait SyncQueue: fmt::Debug + Send + Sync {
    /// To be called later, in the order of these calls; or never, as after a crash.
    fn push(&self, sync: Box<dyn FnOnce() + Send>);
}

impl Blocking {
    /// Runs `work` without holding up the tasks of the runtime.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        match self {
            Self::Inline | Self::Queued(_) => work(),
            Self::Threads => match tokio::task::spawn_blocking(work).await {
                Ok(result) => result,
                Err(_) => Err(io::Error::other("the work on the disk panicked or was cancelled")),
            },
        }
    }
}
