//! Three replicas in one process, each on a runtime of its own, so that one can be killed; over real TCP and TLS, with
//! a proxy on each directed link, so that one can be cut off.

#![allow(dead_code)] // each test binary uses a part of it

pub mod cluster;
pub mod pki;
pub mod proxy;

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Between two looks at a state that is waited for.
pub const RETRY: Duration = Duration::from_millis(20);

/// Long enough for a busy machine; a test that is right never waits so long.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for a state. `probe` gives it, or says what it sees meanwhile.
pub async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Result<T, String>) -> T {
    let start = Instant::now();
    loop {
        let seen = match probe().await {
            Ok(found) => return found,
            Err(seen) => seen,
        };
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}: {seen}");
        sleep(RETRY).await;
    }
}
