//! A client of the whole cluster rather than of one replica: it tries every endpoint, follows the leader's address,
//! and keeps a request's identity over all attempts, so that a retry has one effect.
//!
//! Used by asterctl, and by a replica that passes a request on ([`Security::endpoint`]). Every wait has a deadline:
//! an attempt's, and the call's.

mod attempt;
mod call;
mod members;
mod security;
mod session;
mod stream;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::time::Instant;
use tonic::transport::Channel;

pub use call::{Nature, ServerStreaming, Unary};
pub use members::RestoreSnapshot;
pub use security::Security;
pub use stream::Follow;

use crate::{Class, Failure, v1::AdminClient};
use attempt::{Attempted, History, Verdict};
use session::OpenedSession;

/// How long one replica may take in the first round before the next is asked: some elections' time, so that a
/// follower that passes a request on to a leader that just froze costs little. It doubles with each round, so that an
/// answer that needs longer gets its time.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1500);
/// How long a connection with its TLS handshake may take before the next replica is asked: one that is frozen accepts
/// and never answers, and each command would meet it anew.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const ATTEMPT_MIN: Duration = Duration::from_millis(50);
/// Pauses between rounds over all endpoints: short first, since an election takes less than a second.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Largest answer that is taken, in bytes: all topologies of the largest installation that is measured, and room.
const MAX_ANSWER: usize = 256 << 20;

/// The generated client over a channel (see [`Security::endpoint`]), as all callers of a replica set it up.
pub fn admin(channel: Channel) -> AdminClient<Channel> {
    AdminClient::new(channel).max_decoding_message_size(MAX_ANSWER)
}

/// Whom to ask, and how.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// `host:port` of replicas; any of the cluster will do, and never empty.
    pub endpoints: Vec<String>,
    pub security: Security,
    /// For one call with all its attempts.
    pub timeout: Duration,
    /// For one attempt in the first round; see [`ATTEMPT_TIMEOUT`].
    pub attempt_timeout: Duration,
}

/// See the module.
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
    channels: BTreeMap<String, Channel>,
    /// Whose channels have carried an answer.
    answered: BTreeSet<String>,
    /// Who answered last, or was named as leader: asked first.
    preferred: Option<String>,
    session: Option<OpenedSession>,
}

impl Client {
    /// Connects to nobody yet.
    ///
    /// # Errors
    /// There is no endpoint, one is malformed, or the certificates are.
    pub fn new(config: ClientConfig) -> Result<Self, Failure> {
        if config.endpoints.is_empty() {
            return Err(Failure::local(Class::Refused, "endpoints: there is none; expected HOST:PORT"));
        }
        for endpoint in &config.endpoints {
            config.security.endpoint(endpoint)?;
        }
        Ok(Self {
            config,
            channels: BTreeMap::new(),
            answered: BTreeSet::new(),
            preferred: None,
            session: None,
        })
    }

    /// Asks until somebody answers, refuses, or the call's deadline passes.
    ///
    /// # Errors
    /// The refusal; or, when the deadline passed, what became of the last attempt at each endpoint: `OutcomeUnknown`
    /// if one of them may have made a change, else `Unavailable` or `NotPermitted`.
    pub async fn call<R: Unary>(&mut self, request: R) -> Result<R::Answer, Failure> {
        self.try_all(request.nature(), request.work(), async |client, address, time_left| {
            let send = |admin, mut request: tonic::Request<R>| {
                // The replica gives up when the client does.
                request.set_timeout(time_left);
                R::send(admin, request)
            };
            client.attempt(address, time_left, request.clone(), send).await
        })
        .await
    }

    /// Opens a stream that goes on over failures of single replicas; see [`Follow`].
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn follow<R: ServerStreaming>(&mut self, request: R) -> Result<Follow<'_, R>, Failure> {
        Follow::open(self, request).await
    }

    async fn open_stream<R: ServerStreaming>(
        &mut self,
        request: &R,
    ) -> Result<tonic::Streaming<R::Item>, Failure> {
        self.try_all(Nature::Harmless, Duration::ZERO, async |client, address, time_left| {
            // The attempt's deadline is for the stream's beginning, so it must not travel as the stream's own.
            client.attempt(address, time_left, request.clone(), R::send).await
        })
        .await
    }

    async fn try_all<T>(
        &mut self,
        nature: Nature,
        work: Duration,
        attempt: impl AsyncFn(&mut Self, &str, Duration) -> Result<T, Attempted>,
    ) -> Result<T, Failure> {
        let timeout = self.config.timeout + work;
        let deadline = Instant::now() + timeout;
        let mut history = History::default();
        let mut pause = PAUSE_MIN;
        let mut attempt_timeout = self.config.attempt_timeout + work;
        loop {
            let mut round = self.round();
            let mut asked = Vec::new();
            while let Some(address) = round.pop() {
                let time_left = deadline.saturating_duration_since(Instant::now());
                // An attempt that has no time for an answer would only blur what is known.
                if time_left < ATTEMPT_MIN && !history.is_empty() {
                    return Err(history.conclude(nature, timeout));
                }
                asked.push(address.clone());
                let failed = match attempt(self, &address, time_left.min(attempt_timeout)).await {
                    Ok(answer) => {
                        self.preferred = Some(address);
                        return Ok(answer);
                    }
                    Err(failed) => failed,
                };
                if self.preferred.as_deref() == Some(&address) {
                    self.preferred = None;
                }
                match failed.verdict(nature) {
                    Verdict::Final(failure) => return Err(failure),
                    Verdict::Ask(leader) => {
                        // Asked next, and before the others in the rounds to come.
                        self.preferred = Some(leader.clone());
                        if !asked.contains(&leader) {
                            round.retain(|other| *other != leader);
                            round.push(leader);
                        }
                    }
                    Verdict::TryNext => {}
                }
                history.add(address, failed);
            }
            if history.is_hopeless() {
                return Err(history.conclude(nature, timeout));
            }
            tokio::time::sleep(pause.min(deadline.saturating_duration_since(Instant::now()))).await;
            pause = (pause * 2).min(PAUSE_MAX);
            attempt_timeout *= 2;
        }
    }

    /// All endpoints, the last to be asked first in the list.
    fn round(&self) -> Vec<String> {
        let preferred = self.preferred.iter();
        let mut round: Vec<String> = preferred.chain(&self.config.endpoints).cloned().collect();
        let mut seen = BTreeSet::new();
        round.retain(|address| seen.insert(address.clone()));
        round.reverse();
        round
    }
}
