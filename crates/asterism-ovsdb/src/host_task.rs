//! The task behind a [`crate::HostSession`]: connects, serves, and connects again.
//!
//! Owns the order of things: dial, schema, monitor, then [`crate::serving`] until the session ends for whatever reason,
//! then a pause with jitter. Whoever asks for something while there is no session gets a refusal at once.

use std::sync::Arc;

use asterism_model::{HostId, Outcome, chain};
use serde_json::json;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep},
};
use tracing::{Instrument, debug, info, info_span, warn};

use crate::{
    config::SessionConfig,
    connection::Dialer,
    host_session::{ClaimError, Command, SessionError, SessionState, Transacted},
    monitor::Monitor,
    pictures::Pictures,
    rpc::RpcSession,
    schema::{DATABASE, Schema},
    serving::{Link, Serving},
};

pub(crate) struct HostTask {
    host: HostId,
    /// The newest: certificates are renewed while sessions come and go.
    dialer: watch::Receiver<Dialer>,
    config: SessionConfig,
    commands: mpsc::Receiver<Command>,
    pictures: Pictures,
    heard: watch::Sender<Option<Instant>>,
}

/// The handle is gone.
struct Dropped;

impl HostTask {
    pub(crate) fn new(
        host: HostId,
        dialer: watch::Receiver<Dialer>,
        config: SessionConfig,
        commands: mpsc::Receiver<Command>,
        state: watch::Sender<SessionState>,
        heard: watch::Sender<Option<Instant>>,
    ) -> Self {
        Self { host, dialer, config, commands, pictures: Pictures::new(state), heard }
    }

    pub(crate) async fn run(mut self) {
        let span = info_span!("ovsdb", host = %self.host);
        // The error has one meaning: nobody holds the handle.
        let Err(Dropped) = self.keep_connected().instrument(span).await;
    }

    async fn keep_connected(&mut self) -> Result<std::convert::Infallible, Dropped> {
        let mut failures = 0;
        let mut last_error = None;
        loop {
            self.pictures.connecting(failures + 1, last_error.clone());
            let began = Instant::now();
            let dialer = self.dialer.borrow().clone();
            let connecting = connect(self.host, dialer, self.config.clone(), self.heard.clone());
            let error = match self.refusing(connecting).await? {
                Ok(link) => {
                    info!("connected");
                    let serving = Serving::new(self.host, &self.config, link, &mut self.pictures);
                    let error = serving.run(&mut self.commands).await.ok_or(Dropped)?;
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
            // A session that outlived the longest pause was a good one; one that is lost at once is no reason to hurry.
            failures = if began.elapsed() > self.config.backoff.longest { 1 } else { failures + 1 };
            last_error = Some(Arc::new(error));
            self.pictures.connecting(failures + 1, last_error.clone());
            self.refusing(sleep(self.config.backoff.pause(failures, rand::random()))).await?;
        }
    }

    /// Waits for `work`, and refuses whatever is asked for meanwhile.
    async fn refusing<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Dropped> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                command = self.commands.recv() => {
                    command.ok_or(Dropped)?.refuse(self.host, &self.pictures.why_none());
                }
            }
        }
    }
}

async fn connect(
    host: HostId,
    dialer: Dialer,
    config: SessionConfig,
    heard: watch::Sender<Option<Instant>>,
) -> Result<Link, SessionError> {
    let stream = dialer.dial().await.map_err(|source| SessionError::Connect { host, source })?;
    let (session, notifications) =
        RpcSession::start(stream, format!("host {host}"), config.liveness, config.limits, heard);
    let schema = session
        .call("get_schema", json!([DATABASE]), config.picture_deadline)
        .await
        .map_err(|source| SessionError::Fetch { host, source })?;
    let schema = Schema::from_json(&schema).map_err(|source| SessionError::Schema { host, source })?;
    let monitor = Monitor::start(&session, schema, config.picture_deadline)
        .await
        .map_err(|source| SessionError::Monitor { host, source })?;
    Ok(Link::new(session, notifications, monitor))
}

impl Command {
    /// Answers without having sent anything.
    pub(crate) fn refuse(self, host: HostId, reason: &str) {
        // A caller that waits no longer is no error.
        match self {
            Self::Claim { answer, .. } => {
                drop(answer.send(Err(ClaimError::NotSent { host, reason: reason.to_owned() })));
            }
            Self::Transact { answer, .. } => {
                let outcome = Outcome::Rejected(format!("not sent to host {host}: {reason}"));
                drop(answer.send(Transacted { outcome, shown_by: 0 }));
            }
        }
    }
}
