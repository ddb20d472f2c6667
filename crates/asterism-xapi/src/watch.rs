//! Keeps a pool's [`Records`] by `event.from`.
//!
//! An event is a wake-up that brings an object's current record. Deletions can be lost without a word (XAPI remembers the
//! last few hundred), so after each batch the counts are compared, and a class that differs is read again. A token is
//! good for one session: after a failover it may lie in the future, and then nothing would ever come.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::Instant;
use tracing::debug;

use crate::{
    config::Deadlines,
    error::CallError,
    events::{Batch, Change},
    jsonrpc::Malformed,
    records::{Class, Records},
    session::Session,
};

/// How soon a class whose count still differs is read again: were there rows that nobody is shown, every event would
/// cost all records otherwise.
const REREAD_INTERVAL: Duration = Duration::from_secs(10);

/// The watch of one session.
pub(crate) struct Watch {
    session: Arc<Session>,
    deadlines: Deadlines,
    records: Arc<Records>,
    token: String,
    reread: BTreeMap<Class, Instant>,
}

/// What one turn brought.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) records: Arc<Records>,
    /// Classes that changed, or may have.
    pub(crate) changed: BTreeSet<Class>,
}

impl Watch {
    pub(crate) fn new(session: Arc<Session>, deadlines: Deadlines) -> Self {
        Self {
            session,
            deadlines,
            records: Arc::default(),
            // From the beginning: everything that exists comes as an event.
            token: String::new(),
            reread: BTreeMap::new(),
        }
    }

    /// Waits for events, for the configured time at most, and takes them in. The first turn brings everything.
    pub(crate) async fn turn(mut self) -> (Self, Result<Turn, CallError>) {
        let turn = self.take_turn().await;
        (self, turn)
    }

    async fn take_turn(&mut self) -> Result<Turn, CallError> {
        let batch = self.batch().await?;
        let mut changed: BTreeSet<Class> = batch.events.iter().map(|event| event.class).collect();
        let mut stale = self.apply(batch.events);
        let now = Instant::now();
        for (class, count) in batch.counts {
            let is_due = self.reread.get(&class).is_none_or(|last| now - *last >= REREAD_INTERVAL);
            if self.records.count(class) != count && is_due {
                debug!(?class, expected = count, known = self.records.count(class), "events were lost");
                self.reread.insert(class, now);
                stale.insert(class);
            }
        }
        for class in stale {
            self.read_all(class).await?;
            changed.insert(class);
        }
        // Only a batch that is taken in whole is not asked for again.
        self.token = batch.token;
        Ok(Turn { records: Arc::clone(&self.records), changed })
    }

    async fn batch(&self) -> Result<Batch, CallError> {
        let classes: Vec<&str> = Class::ALL.into_iter().map(Class::event_name).collect();
        let timeout = self.deadlines.event;
        let params = vec![json!(classes), json!(self.token), json!(timeout.as_secs_f64())];
        let deadline = if self.token.is_empty() {
            self.deadlines.resync
        } else {
            timeout + self.deadlines.event_overshoot
        };
        let answer = self.session.call("event.from", params, deadline).await?;
        Batch::read(answer).map_err(CallError::Malformed)
    }

    /// Takes in events; gives the classes that need to be read, because an event said too little.
    fn apply(&mut self, events: Vec<crate::events::Event>) -> BTreeSet<Class> {
        let mut stale = BTreeSet::new();
        if events.is_empty() {
            return stale;
        }
        let records = Arc::make_mut(&mut self.records);
        for event in events {
            match event.change {
                Change::Put(record) => records.put(event.class, event.object, &record),
                Change::Gone => records.remove(event.class, &event.object),
                Change::Unshown => drop(stale.insert(event.class)),
            }
        }
        stale
    }

    async fn read_all(&mut self, class: Class) -> Result<(), CallError> {
        let method = class.all_records();
        let all: Value = self.session.call(method, vec![], self.deadlines.resync).await?;
        let wrong = || CallError::Malformed(Malformed::Result { method, expected: "a map of records" });
        Arc::make_mut(&mut self.records).replace(class, &all).ok_or_else(wrong)
    }
}
