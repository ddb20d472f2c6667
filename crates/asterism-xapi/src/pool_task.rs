//! The task behind a [`crate::PoolSession`]: finds the master, serves, and finds it again.
//!
//! Owns the order of things: search, then [`crate::serving`] until the session ends for whatever reason, then a pause
//! with jitter. Remembers across sessions who served last, which hosts the pool has, and which certificates they show.
//! Whoever asks for something while there is no session gets a refusal at once.

use std::{collections::BTreeSet, convert::Infallible, sync::Arc};

use asterism_model::{CallOutcome, CertificateFingerprint, PoolId, XapiAddress, chain};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep},
};
use tracing::{Instrument, debug, info, info_span, warn};

use crate::{
    config::XapiConfig,
    error::XapiError,
    pool_session::{Command, PoolSessionState},
    search::{LeftAlone, find_master},
    serving::Serving,
    session::Session,
    tls::Trust,
};

pub(crate) struct PoolTask {
    pool: PoolId,
    config: XapiConfig,
    commands: mpsc::Receiver<Command>,
    state: watch::Sender<PoolSessionState>,
    heard: watch::Sender<Option<Instant>>,
    known: Known,
}

/// What is remembered of a pool from one session to the next.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) master: Option<XapiAddress>,
    pub(crate) members: BTreeSet<XapiAddress>,
    pub(crate) certificates: BTreeSet<CertificateFingerprint>,
    /// The number of the last picture: it goes up over the life of the handle, so that a later one is told from an earlier
    /// one whatever happened between them.
    pub(crate) pictures: u64,
}

/// The handle is gone.
pub(crate) struct Dropped;

impl PoolTask {
    pub(crate) fn new(
        pool: PoolId,
        config: XapiConfig,
        commands: mpsc::Receiver<Command>,
        state: watch::Sender<PoolSessionState>,
        heard: watch::Sender<Option<Instant>>,
    ) -> Self {
        Self { pool, config, commands, state, heard, known: Known::default() }
    }

    pub(crate) async fn run(mut self) {
        let span = info_span!("xapi", pool = %self.pool);
        // The error has one meaning: nobody holds the handle.
        let Err(Dropped) = self.keep_connected().instrument(span).await;
    }

    async fn keep_connected(&mut self) -> Result<Infallible, Dropped> {
        let mut failures = 0;
        let mut last_error = None;
        let mut left_alone = LeftAlone::new();
        loop {
            self.connecting(failures + 1, last_error.clone());
            let error = match self.search(&mut left_alone).await? {
                Ok(session) => {
                    info!(master = %session.address(), "logged in");
                    let began = Instant::now();
                    let error = self.serve(session).await?;
                    // A session that outlived the longest pause was a good one; one that is lost at once is no reason to
                    // hurry.
                    if began.elapsed() > self.config.backoff.longest {
                        failures = 0;
                    }
                    warn!(error = chain(&error), "session ended");
                    error
                }
                Err(error) if failures == 0 => {
                    warn!(error = chain(&error), "no session");
                    error
                }
                Err(error) => {
                    debug!(error = chain(&error), failures, "no session yet");
                    error
                }
            };
            failures += 1;
            let is_expired = matches!(error, XapiError::Expired { .. });
            last_error = Some(Arc::new(error));
            self.connecting(failures + 1, last_error.clone());
            // Sessions end by themselves, at every restart of XAPI and after a day: that is no failure of the pool's.
            if !(is_expired && failures == 1) {
                let pause = self.config.backoff.pause(failures, rand::random());
                let reason = last_error.as_ref().map(|error| chain(error)).unwrap_or_default();
                refusing(&mut self.commands, &reason, sleep(pause)).await?;
            }
        }
    }

    async fn search(&mut self, left_alone: &mut LeftAlone) -> Result<Result<Session, XapiError>, Dropped> {
        let mut config = self.config.clone();
        if let Trust::Fingerprints(trusted) = &mut config.trust {
            trusted.extend(&self.known.certificates);
        }
        let addresses = config.addresses.union(&self.known.members).cloned().collect();
        let search = find_master(&config, self.known.master.as_ref(), &addresses, left_alone);
        refusing(&mut self.commands, "its master is being searched", search).await
    }

    async fn serve(&mut self, session: Session) -> Result<XapiError, Dropped> {
        self.known.master = Some(session.address().clone());
        Serving::new(&self.config, session, &mut self.known, &self.state, &self.heard)
            .run(&mut self.commands)
            .await
    }

    fn connecting(&self, attempt: u32, last_error: Option<Arc<XapiError>>) {
        self.state.send_replace(PoolSessionState::Connecting { attempt, last_error });
    }
}

/// Waits for `work`, and refuses whatever is asked for meanwhile.
async fn refusing<T>(
    commands: &mut mpsc::Receiver<Command>,
    reason: &str,
    work: impl Future<Output = T>,
) -> Result<T, Dropped> {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Ok(done),
            command = commands.recv() => command.ok_or(Dropped)?.refuse(reason),
        }
    }
}

impl Command {
    /// Answers without having sent anything.
    pub(crate) fn refuse(self, reason: &str) {
        // A caller that waits no longer is no error.
        drop(self.answer.send(CallOutcome::Refused(format!("not sent, there is no session: {reason}"))));
    }
}
