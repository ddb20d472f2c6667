//! One session with a pool's master, from login to its end: watches, shows pictures, carries out calls.
//!
//! The watch and each call are futures of their own, so none waits for another; what they find out is put together here.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use asterism_model::{CallOutcome, PoolCall, chain, pool_objects::AUTHORITY_FILE};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tracing::{debug, warn};

use crate::{
    calls::{Called, Caller},
    config::XapiConfig,
    error::{CallError, XapiError, hint},
    inventory::{Incomplete, fingerprint, inventory, labels},
    observe::{Authorities, observe},
    pool_session::{Command, ConnectedPool, PoolPicture, PoolSessionState},
    pool_task::{Dropped, Known},
    records::{Class, HostRecord, Records},
    session::Session,
    tls::fingerprint_of_pem,
    watch::{Turn, Watch},
};

/// How soon after a call's answer the events of what it did are here. XAPI tells them some 50 ms after the change.
const SETTLING: Duration = Duration::from_millis(250);

pub(crate) struct Serving<'a> {
    config: &'a XapiConfig,
    session: Arc<Session>,
    known: &'a mut Known,
    state: &'a watch::Sender<PoolSessionState>,
    heard: &'a watch::Sender<Option<Instant>>,
    since: Instant,
    authority: Option<Arc<str>>,
    authorities: Authorities,
    /// Whether the list of CA certificates was asked for, and has not come.
    is_listing: bool,
    /// None before the first turn of the watch.
    records: Option<Arc<Records>>,
    picture: Option<Arc<PoolPicture>>,
    work: JoinSet<Finished>,
    /// When what the last calls did is certainly shown.
    settled_at: Option<Instant>,
}

/// What came of a future that was set going.
enum Finished {
    Call { call: PoolCall, called: Called, answer: oneshot::Sender<CallOutcome> },
    Authorities(Result<Vec<String>, CallError>),
}

impl<'a> Serving<'a> {
    pub(crate) fn new(
        config: &'a XapiConfig,
        session: Session,
        known: &'a mut Known,
        state: &'a watch::Sender<PoolSessionState>,
        heard: &'a watch::Sender<Option<Instant>>,
    ) -> Self {
        let authority: Option<Arc<str>> = config.authority.as_deref().map(Arc::from);
        let ours = authority.as_deref().and_then(|pem| fingerprint_of_pem(pem).ok());
        Self {
            config,
            session: Arc::new(session),
            known,
            state,
            heard,
            since: Instant::now(),
            authority,
            authorities: Authorities { installed: None, ours },
            is_listing: false,
            records: None,
            picture: None,
            work: JoinSet::new(),
            settled_at: None,
        }
    }

    /// Serves until the session ends; gives the reason.
    pub(crate) async fn run(mut self, commands: &mut mpsc::Receiver<Command>) -> Result<XapiError, Dropped> {
        let mut turn = Box::pin(Watch::new(Arc::clone(&self.session), self.config.deadlines).turn());
        loop {
            let ended = tokio::select! {
                (watch, result) = &mut turn => {
                    turn = Box::pin(watch.turn());
                    self.turned(result)
                }
                command = commands.recv() => {
                    self.begin(command.ok_or(Dropped)?);
                    Ok(())
                }
                Some(finished) = self.work.join_next() => match finished {
                    Ok(finished) => self.finish(finished),
                    // It panicked: whoever asked for it is told that nothing is known of it.
                    Err(_) => Ok(()),
                },
                () = passed(self.settled_at) => {
                    self.settled_at = None;
                    self.show_again();
                    Ok(())
                }
            };
            if let Err(error) = ended {
                return Ok(error);
            }
        }
    }

    fn turned(&mut self, turn: Result<Turn, CallError>) -> Result<(), XapiError> {
        let turn = turn.map_err(|error| self.session.explain("event.from", error))?;
        self.heard.send_replace(Some(Instant::now()));
        let is_first = self.records.replace(turn.records).is_none();
        if self.is_list_due(&turn.changed) {
            self.list_authorities();
        }
        if is_first || !turn.changed.is_empty() {
            self.learn();
            self.show();
        }
        Ok(())
    }

    /// Versions without records of CA certificates make no event when ours goes, so the list is asked for again whenever
    /// nothing else happens.
    fn is_list_due(&self, changed: &BTreeSet<Class>) -> bool {
        let (Some(records), Some(installed)) = (&self.records, &self.authorities.installed) else {
            return true;
        };
        let may_go_unseen = installed.contains(AUTHORITY_FILE) && !records.tells_authorities();
        changed.contains(&Class::Certificate) || (changed.is_empty() && may_go_unseen)
    }

    /// Remembers what the next search needs.
    fn learn(&mut self) {
        let Some(records) = &self.records else { return };
        let members = records.hosts.values().filter_map(|host| host.address);
        self.known.members =
            members.filter_map(|address| hint(self.session.address(), &address.to_string())).collect();
        let shown = records.hosts.keys().filter_map(|host| fingerprint(records, host));
        self.known.certificates = shown.collect::<BTreeSet<_>>();
    }

    /// Shows the pool if it is another than shown.
    fn show(&mut self) {
        let Some(records) = self.records.clone() else { return };
        let inventory = match inventory(&records) {
            Ok(inventory) => inventory,
            Err(reason) => return self.incomplete(reason),
        };
        let mut observed = observe(&records, &self.authorities);
        // Numbered like the picture that stands, so that they compare equal if nothing else differs.
        observed.picture = self.known.pictures;
        let picture = PoolPicture { inventory, observed, networks: labels(&records) };
        if self.picture.as_deref() != Some(&picture) {
            self.publish(picture);
        }
    }

    /// Shows the pool as it was shown, for those who wait for a picture later than a call's answer: the events of what the
    /// call did may have come before.
    fn show_again(&mut self) {
        if let Some(picture) = self.picture.as_deref().cloned() {
            self.publish(picture);
        }
    }

    fn publish(&mut self, mut picture: PoolPicture) {
        self.known.pictures += 1;
        picture.observed.picture = self.known.pictures;
        let picture = Arc::new(picture);
        self.picture = Some(Arc::clone(&picture));
        let hosts = self.records.iter().flat_map(|records| records.hosts.values());
        let master = hosts.into_iter().find(|host| host.uuid == Some(picture.inventory.master));
        self.state.send_replace(PoolSessionState::Connected(ConnectedPool {
            master: self.session.address().clone(),
            version: master.map(HostRecord::version).unwrap_or_default(),
            since: self.since,
            picture,
            learned: self.known.certificates.clone(),
        }));
    }

    /// The last picture stands, if there was one.
    fn incomplete(&self, reason: Incomplete) {
        warn!(%reason, "the pool's records give no picture");
        if self.picture.is_none() {
            let address = self.session.address().clone();
            let last_error = Some(Arc::new(XapiError::Incomplete { address, source: reason }));
            self.state.send_replace(PoolSessionState::Connecting { attempt: 1, last_error });
        }
    }

    fn begin(&mut self, command: Command) {
        let Some(records) = self.records.clone() else { return command.refuse("its records are being read") };
        if self.work.len() >= self.config.limits.calls {
            return command.refuse("too many calls are under way");
        }
        let caller = self.caller(records);
        let Command { call, answer } = command;
        self.work.spawn(async move {
            let called = caller.execute(&call).await;
            Finished::Call { call, called, answer }
        });
    }

    fn finish(&mut self, finished: Finished) -> Result<(), XapiError> {
        match finished {
            Finished::Call { call, called, answer } => {
                debug!(?call, outcome = ?called.outcome, "call finished");
                self.settled_at = Some(Instant::now() + SETTLING);
                // A caller that waits no longer is no error.
                drop(answer.send(called.outcome));
                // Versions without records of CA certificates make no event of this.
                if matches!(call, PoolCall::InstallAuthority | PoolCall::SyncCertificates) {
                    self.list_authorities();
                }
                match called.session_error {
                    Some(error) => Err(self.session.explain("a call", error)),
                    None => Ok(()),
                }
            }
            Finished::Authorities(names) => {
                self.is_listing = false;
                // Unknown is a value, and asked for again; the watch finds out about the session.
                if let Err(error) = &names {
                    debug!(error = chain(error), "no list of CA certificates");
                }
                self.authorities.installed = names.ok().map(|names| names.into_iter().collect());
                self.show();
                Ok(())
            }
        }
    }

    fn list_authorities(&mut self) {
        let Some(records) = self.records.clone().filter(|_| !self.is_listing) else { return };
        self.is_listing = true;
        let caller = self.caller(records);
        self.work.spawn(async move { Finished::Authorities(caller.list_authorities().await) });
    }

    fn caller(&self, records: Arc<Records>) -> Caller {
        Caller {
            session: Arc::clone(&self.session),
            records,
            authority: self.authority.clone(),
            deadlines: self.config.deadlines,
        }
    }
}

/// Waits until then, or for ever.
async fn passed(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
