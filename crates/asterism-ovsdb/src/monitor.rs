//! Keeps a [`Replica`] in step with a server.
//!
//! `monitor_cond_since` (OVS 2.12 and later) is asked for first, for its smaller updates; a server that doesn't know
//! it gets RFC 7047's `monitor`. Each monitor starts from a whole picture: ovsdb-server remembers past transactions,
//! from which one could resume, for clustered databases alone, and a host's database is never one.
//!
//! Any doubt ends the monitor with an error, and its owner opens a new session: that is the resync. A server whose
//! database is replaced or converted closes the sessions of clients that, like this one, did not ask to be told.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    message::Notification,
    replica::{Replica, ReplicaError, UpdateForm},
    rpc::{CallError, RpcSession},
    schema::{DATABASE, Schema},
};

/// Our monitor's name; there is one in a session.
const MONITOR_ID: &str = "asterism";
/// "No transaction": a whole picture is wanted.
const NO_TRANSACTION: &str = "00000000-0000-0000-0000-000000000000";

/// How updates come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// RFC 7047 §4.1.5: `monitor`, `update`.
    Plain,
    /// ovsdb-server(7) 4.1.15: `monitor_cond_since`, `update3`.
    Since,
}

/// A running monitor.
#[derive(Debug)]
pub struct Monitor {
    schema: Schema,
    dialect: Dialect,
    replica: Replica,
}

/// The copy can be had or trusted no longer.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    #[error("the monitor could not be started")]
    Call(#[source] CallError),
    #[error("the server's answer to {method} is malformed")]
    Answer { method: &'static str },
    #[error("the copy of the host's rows is out of step")]
    Replica(#[source] ReplicaError),
}

impl Monitor {
    /// Starts with the best dialect that the server has.
    pub async fn start(session: &RpcSession, schema: Schema, within: Duration) -> Result<Self, MonitorError> {
        match Self::start_with(session, schema.clone(), Dialect::Since, within).await {
            Err(MonitorError::Call(CallError::Refused { error, .. })) if error.is_unknown_method() => {
                Self::start_with(session, schema, Dialect::Plain, within).await
            }
            result => result,
        }
    }

    /// Starts with the dialect given.
    pub async fn start_with(
        session: &RpcSession,
        schema: Schema,
        dialect: Dialect,
        within: Duration,
    ) -> Result<Self, MonitorError> {
        let (method, params) = match dialect {
            Dialect::Plain => ("monitor", json!([DATABASE, MONITOR_ID, schema.monitor_requests()])),
            Dialect::Since => (
                "monitor_cond_since",
                json!([DATABASE, MONITOR_ID, schema.monitor_requests(), NO_TRANSACTION]),
            ),
        };
        let answer = session.call(method, params, within).await.map_err(MonitorError::Call)?;
        let initial = match dialect {
            Dialect::Plain => &answer,
            // [found, last transaction, updates]; nothing can be found since nothing was named.
            Dialect::Since => match answer.as_array().map(Vec::as_slice) {
                Some([Value::Bool(false), Value::String(_), updates]) => updates,
                Some(_) | None => return Err(MonitorError::Answer { method }),
            },
        };
        let mut replica = Replica::default();
        replica.apply(&schema, dialect.form(), initial).map_err(MonitorError::Replica)?;
        Ok(Self { schema, dialect, replica })
    }

    /// Applies a notification; true when it may have changed the copy.
    pub fn apply(&mut self, notification: &Notification) -> Result<bool, MonitorError> {
        let params = notification.params.as_array().map(Vec::as_slice).unwrap_or_default();
        let updates = match (self.dialect, notification.method.as_str(), params) {
            (Dialect::Plain, "update", [_, updates]) | (Dialect::Since, "update3", [_, _, updates]) => {
                updates
            }
            (Dialect::Plain, "update", _) => return Err(MonitorError::Answer { method: "monitor" }),
            (Dialect::Since, "update3", _) => {
                return Err(MonitorError::Answer { method: "monitor_cond_since" });
            }
            // Nothing else was asked for; there is one monitor in a session, so its name need not be compared.
            (Dialect::Plain | Dialect::Since, _, _) => return Ok(false),
        };
        self.replica.apply(&self.schema, self.dialect.form(), updates).map_err(MonitorError::Replica)?;
        Ok(true)
    }

    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    pub fn schema(&self) -> &Schema {
        &self.schema
    }
}

impl Dialect {
    fn form(self) -> UpdateForm {
        match self {
            Self::Plain => UpdateForm::Whole,
            Self::Since => UpdateForm::Differences,
        }
    }
}
