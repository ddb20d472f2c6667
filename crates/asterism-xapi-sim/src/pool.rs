//! One pool as it runs: the database, its hosts as machines, sessions, faults, and the means to wait for changes.
//!
//! All threads share a [`Pool`]. Its lock is held for reads and writes of the database only, never while an agent works
//! or a client is written to. It starts no thread: `simulator` and `wire` do.

use std::{
    collections::BTreeMap,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use crate::{
    agent::{AgentHost, HostAgent},
    clock::Clock,
    database::Database,
    datamodel::{Methods, Version},
    failure::Failure,
    fault::Fault,
    journal::Journal,
    value::Value,
};

/// A pool, shared by all threads.
pub(crate) struct Pool {
    pub(crate) clock: Clock,
    pub(crate) journal: Journal,
    pub(crate) agent: Arc<dyn HostAgent>,
    pub(crate) methods: Methods,
    state: Mutex<State>,
    changed: Condvar,
}

/// What changes while a pool runs.
pub(crate) struct State {
    pub(crate) database: Database,
    /// The last backup, for an emergency transition.
    pub(crate) backup: Option<Database>,
    /// By the reference of the host.
    pub(crate) machines: BTreeMap<String, Machine>,
    pub(crate) user: String,
    pub(crate) password: String,
    /// How long a wrong password is thought about.
    pub(crate) wrong_password_delay: Duration,
    /// Whether `event.from` looks at its timeout every ten seconds only, as old versions do.
    pub(crate) overshoots: bool,
    pub(crate) faults: Vec<Fault>,
    /// Sessions of `slave_local_login_with_password`.
    pub(crate) local_sessions: Vec<String>,
    /// What sessions registered for with `event.register`: lower-case classes, and the generation that was told.
    pub(crate) registered: BTreeMap<String, (Vec<String>, u64)>,
    /// CA certificates by name, as PEM.
    pub(crate) certificates: BTreeMap<String, String>,
    /// The number of the next `xapiN`.
    pub(crate) bridges: u64,
    pub(crate) is_closing: bool,
}

/// A host as a machine that runs, or does not.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) condition: Condition,
    /// The address in its pool.conf; `None` on a master.
    pub(crate) slave_of: Option<String>,
    /// Whether a slave can ask its master.
    pub(crate) reaches_master: bool,
    /// What it answers everything with, in emergency mode.
    pub(crate) emergency: Option<String>,
    /// When its last heartbeat was.
    pub(crate) heartbeat: Instant,
    /// The CA certificates that stand in its file system.
    pub(crate) certificates: BTreeMap<String, String>,
}

/// Whether a machine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    Up,
    /// It is silent: connections open, and nothing is answered.
    Crashed,
    /// It is off, or its toolstack is: connections close.
    Stopped,
}

impl Pool {
    pub(crate) fn new(agent: Arc<dyn HostAgent>, clock: Clock, version: Version, state: State) -> Pool {
        let (journal, methods) = (Journal::default(), Methods::of(version));
        Pool { clock, journal, agent, methods, state: Mutex::new(state), changed: Condvar::new() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding the pool")
    }

    /// Reads the database.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Database) -> T) -> T {
        read(&self.lock().database)
    }

    /// Changes the database, and wakes who waits for that.
    pub(crate) fn write<T>(&self, write: impl FnOnce(&mut Database) -> T) -> T {
        self.change(|state| write(&mut state.database))
    }

    /// Changes anything, and wakes who waits for that.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        result
    }

    /// Waits until the state yields something, at most so long. `None` when the time is over, or the simulator ends.
    pub(crate) fn wait<T>(&self, limit: Duration, mut look: impl FnMut(&State) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + limit;
        let mut state = self.lock();
        loop {
            if let Some(found) = look(&state) {
                return Some(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || state.is_closing {
                return None;
            }
            state = self.changed.wait_timeout(state, left).expect("nobody panics while holding the pool").0;
        }
    }

    /// Passes time, unless the simulator ends.
    pub(crate) fn sleep(&self, time: Duration) {
        self.wait(time, |_| None::<()>);
    }

    /// The host that a call needs, ready to be told something.
    ///
    /// One that is dead by the database is refused at once; one that crashed unnoticed keeps the call waiting until it
    /// is held for dead, or until TCP gives up.
    pub(crate) fn host(&self, host: &str) -> Result<AgentHost, Failure> {
        const TCP_GIVES_UP: Duration = Duration::from_secs(120);
        if !self.read(|database| database.is_live(host)) {
            return Err(Failure::host_offline(host));
        }
        let is_decided = |state: &State| {
            // A host that only an edit of the database made has no machine that could fail.
            let is_up = state.machines.get(host).is_none_or(|machine| machine.condition == Condition::Up);
            (is_up || !state.database.is_live(host)).then_some(is_up)
        };
        match self.wait(self.clock.scaled(TCP_GIVES_UP), is_decided) {
            Some(true) => self.agent_host(host).ok_or_else(|| Failure::host_offline(host)),
            Some(false) => Err(Failure::host_offline(host)),
            None => Err(Failure::cannot_contact_host(host)),
        }
    }

    /// The master's certificate's fingerprint, if a request asks for that one and the version can tell.
    pub(crate) fn thumbprint(&self, wanted: &str) -> Option<String> {
        let state = self.lock();
        if wanted != "sha-256:master" || state.database.version() < Version::V26_1 {
            return None;
        }
        let master = Value::text(state.database.master());
        let certificate = state.database.find("Certificate", "host", &master)?;
        Some(state.database.text("Certificate", &certificate, "fingerprint").to_owned())
    }

    /// A host as agents know it, whatever its condition.
    pub(crate) fn agent_host(&self, host: &str) -> Option<AgentHost> {
        let state = self.lock();
        let row = state.database.row("host", host)?;
        let uuid = row.text("uuid").to_owned();
        let (name, address) = match state.machines.get(host) {
            Some(machine) => (machine.name.clone(), machine.address.clone()),
            None => (row.text("name_label").to_owned(), row.text("address").to_owned()),
        };
        Some(AgentHost { uuid, name, address })
    }
}
