//! One attempt at one replica, and what follows from its failure.

use std::{collections::BTreeMap, error::Error, io, time::Duration};

use asterism_model::chain;
use tokio::time::timeout;
use tonic::{Code, Request, Response, Status, transport::Channel};

use super::{CONNECT_TIMEOUT, Client, Nature, admin};
use crate::{Class, Failure, v1::AdminClient};

/// A failed attempt.
#[derive(Debug)]
pub(super) struct Attempted {
    pub failure: Failure,
    reach: Reach,
}

/// How far the request got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// No connection: nothing was sent.
    NotSent,
    /// Sent, and no word from the replica.
    NotAnswered,
    /// The replica itself told of the failure.
    Answered,
}

/// What to do after a failed attempt.
pub(super) enum Verdict {
    /// Every replica would say the same, or asking again is not safe.
    Final(Failure),
    /// Ask the leader, who is at that address.
    Ask(String),
    TryNext,
}

impl Attempted {
    fn not_sent(failure: Failure) -> Self {
        Self { failure, reach: Reach::NotSent }
    }

    /// A replica that refuses a client's certificate says so after the client's first request (RFC 8446 §2): TLS that
    /// fails on a connection that was never answered means that nothing was taken in.
    fn from_status(status: &Status, was_answered: bool) -> Self {
        if let Some(error) = tls_error(status).filter(|_| !was_answered) {
            return Self::not_sent(Failure::local(Class::NotPermitted, format_args!("TLS: {error}")));
        }
        let failure = Failure::from_status(status);
        // A request that is too large, or one too many, is refused at the door: no service saw it.
        let is_at_the_door = matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted);
        let is_told = is_at_the_door || !failure.reason.is_empty();
        let reach = if is_told { Reach::Answered } else { Reach::NotAnswered };
        Self { failure, reach }
    }

    /// Whether a write may have taken effect.
    fn may_have_happened(&self) -> bool {
        match self.reach {
            Reach::NotSent => false,
            Reach::NotAnswered => true,
            Reach::Answered => self.failure.class == Class::OutcomeUnknown,
        }
    }

    pub fn verdict(&self, nature: Nature) -> Verdict {
        if self.may_have_happened() && nature == Nature::Cumulative {
            return Verdict::Final(Failure { class: Class::OutcomeUnknown, ..self.failure.clone() });
        }
        let is_told = self.reach == Reach::Answered;
        match (self.failure.class, &self.failure.leader) {
            (Class::Unavailable, Some(leader)) => Verdict::Ask(leader.clone()),
            (Class::Unavailable, None) => Verdict::TryNext,
            // The session expired: another replica knows no more of it.
            (Class::OutcomeUnknown, _) if self.failure.reason == "unknown_session" => {
                Verdict::Final(self.failure.clone())
            }
            (Class::OutcomeUnknown, _) => Verdict::TryNext,
            // One replica's certificate may be bad and the next one's good; but what a replica says is final.
            (Class::NotPermitted, _) if !is_told => Verdict::TryNext,
            (Class::NotPermitted | Class::Refused | Class::NotFound | Class::Internal, _) => {
                Verdict::Final(self.failure.clone())
            }
        }
    }
}

impl Client {
    pub(super) async fn attempt<R, T, F>(
        &mut self,
        address: &str,
        time_left: Duration,
        request: R,
        send: impl FnOnce(AdminClient<Channel>, Request<R>) -> F,
    ) -> Result<T, Attempted>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let admin = self.connect(address, time_left).await?;
        match timeout(time_left, send(admin, Request::new(request))).await {
            Ok(Ok(answer)) => {
                self.answered.insert(address.to_owned());
                Ok(answer.into_inner())
            }
            Ok(Err(status)) => Err(Attempted::from_status(&status, self.answered.contains(address))),
            Err(_) => {
                let what = format_args!("no answer within {}", rounded(time_left));
                let failure = Failure::local(Class::OutcomeUnknown, what);
                Err(Attempted { failure, reach: Reach::NotAnswered })
            }
        }
    }

    /// A channel that was connected once connects itself again.
    async fn connect(
        &mut self,
        address: &str,
        time_left: Duration,
    ) -> Result<AdminClient<Channel>, Attempted> {
        if let Some(channel) = self.channels.get(address) {
            return Ok(admin(channel.clone()));
        }
        let endpoint = self.config.security.endpoint(address).map_err(Attempted::not_sent)?;
        let time_left = time_left.min(CONNECT_TIMEOUT);
        let channel = match timeout(time_left, endpoint.connect()).await {
            Ok(Ok(channel)) => channel,
            Ok(Err(error)) => {
                return Err(Attempted::not_sent(match tls_error(&error) {
                    Some(error) => Failure::local(Class::NotPermitted, format_args!("TLS: {error}")),
                    // "transport error" itself says nothing.
                    None => Failure::local(
                        Class::Unavailable,
                        error.source().map_or_else(|| chain(&error), chain),
                    ),
                }));
            }
            Err(_) => {
                let what = format_args!("no connection within {}", rounded(time_left));
                return Err(Attempted::not_sent(Failure::local(Class::Unavailable, what)));
            }
        };
        self.channels.insert(address.to_owned(), channel.clone());
        Ok(admin(channel))
    }
}

/// For eyes: what is left of a deadline has nanoseconds.
fn rounded(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

/// What TLS says, where it is at the root of an error: a certificate on one side that the other doesn't take. rustls
/// reports so as `InvalidData`; HTTP/2 keeps the kind and drops the type.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<io::Error>();
        if let Some(io) = io.filter(|io| io.kind() == io::ErrorKind::InvalidData) {
            return Some(io);
        }
        cause = error.source();
    }
    None
}

/// What became of a call's attempts: the last failure at each address.
#[derive(Debug, Default)]
pub(super) struct History {
    last: BTreeMap<String, Known>,
    may_have_happened: bool,
}

#[derive(Debug)]
struct Known {
    failure: Failure,
    reach: Reach,
}

impl History {
    /// What tells less than what is known does not replace it: a connection that is refused for its certificate may also just
    /// break under the request, as the alert and the request cross; and a replica that said why it can't may, asked again
    /// with little time left, say nothing.
    pub fn add(&mut self, address: String, attempted: Attempted) {
        self.may_have_happened |= attempted.may_have_happened();
        let Attempted { failure, reach } = attempted;
        let tells_less = |known: &Known| match (known.reach, known.failure.class) {
            (Reach::NotSent | Reach::NotAnswered, Class::NotPermitted) => {
                reach != Reach::Answered && failure.class == Class::Unavailable
            }
            (Reach::Answered, _) => reach == Reach::NotAnswered,
            (Reach::NotSent | Reach::NotAnswered, _) => false,
        };
        if !self.last.get(&address).is_some_and(tells_less) {
            self.last.insert(address, Known { failure, reach });
        }
    }

    pub fn is_empty(&self) -> bool {
        self.last.is_empty()
    }

    /// Whether waiting won't help: all replicas were met with certificates that don't fit.
    pub fn is_hopeless(&self) -> bool {
        self.last.values().all(|known| known.failure.class == Class::NotPermitted)
    }

    /// The failure of the whole call.
    pub fn conclude(self, nature: Nature, timeout: Duration) -> Failure {
        let class = if self.may_have_happened && nature != Nature::Harmless {
            Class::OutcomeUnknown
        } else if !self.last.is_empty() && self.is_hopeless() {
            Class::NotPermitted
        } else {
            Class::Unavailable
        };
        let reason = match self.last.values().find(|known| !known.failure.reason.is_empty()) {
            Some(known) => known.failure.reason.clone(),
            None => String::new(),
        };
        let told: Vec<String> =
            self.last.iter().map(|(address, known)| format!("{address}: {}", known.failure)).collect();
        let what = match class {
            Class::OutcomeUnknown => {
                format!("no answer within {timeout:?}, and the request may have taken effect")
            }
            Class::NotPermitted => "the certificates of this client and of the replicas don't fit".to_owned(),
            Class::Unavailable | Class::Refused | Class::NotFound | Class::Internal => {
                format!("no replica could do it within {timeout:?}")
            }
        };
        Failure { reason, ..Failure::local(class, format_args!("{what} ({})", told.join("; "))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(class: Class, reach: Reach) -> Attempted {
        Attempted { failure: Failure::local(class, "x"), reach }
    }

    #[test]
    fn a_connection_that_breaks_does_not_make_a_refused_certificate_forgotten() {
        let mut history = History::default();
        history.add("a".into(), failed(Class::NotPermitted, Reach::NotSent));
        history.add("a".into(), failed(Class::Unavailable, Reach::NotAnswered));
        assert!(history.is_hopeless());
        history.add("a".into(), failed(Class::Unavailable, Reach::Answered));
        assert!(!history.is_hopeless(), "a replica that answers has taken the certificate");
    }

    #[test]
    fn silence_does_not_make_what_a_replica_said_forgotten() {
        let said = |history: History| history.conclude(Nature::Harmless, Duration::from_secs(1)).message;
        let told = |text: &str, reach| Attempted { failure: Failure::local(Class::Unavailable, text), reach };
        let history = |last| {
            let mut history = History::default();
            history.add("a".into(), told("no quorum", Reach::Answered));
            history.add("a".into(), last);
            history
        };
        assert!(said(history(told("no answer", Reach::NotAnswered))).contains("no quorum"));
        assert!(said(history(told("refused", Reach::NotSent))).contains("refused"), "it has gone since");
        assert!(said(history(told("starting", Reach::Answered))).contains("starting"));
    }
}
