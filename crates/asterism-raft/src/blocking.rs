//! Where work is done that blocks: syncs and large files.

use std::io;

/// Who waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocking {
    /// Threads for that purpose.
    Threads,
    /// Whoever asks, at once: deterministic, for simulations.
    Inline,
}

impl Blocking {
    /// Runs `work` without holding up the tasks of the runtime.
    pub async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        match self {
            Self::Inline => work(),
            Self::Threads => match tokio::task::spawn_blocking(work).await {
                Ok(result) => result,
                Err(_) => Err(io::Error::other("the work on the disk panicked or was cancelled")),
            },
        }
    }
}
