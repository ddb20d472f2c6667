//! Carries out [`PoolCall`]s: each as one or few XAPI calls, each harmless when carried out twice.
//!
//! XAPI has no transactions, and an answer can be lost. So every call looks before it acts where that saves work, leans
//! on XAPI's own refusals where two controllers may act at once (a bridge's name, one tunnel per host and network, one
//! SDN controller per pool), and calls what it finds done *done*. After a deadline the outcome is unknown: XAPI goes on
//! with what it was told.

mod authority;
mod controller;
mod network;
mod tunnel;

use std::{sync::Arc, time::Duration};

use asterism_model::{CallOutcome, ObjectRef, PoolCall, chain};
use serde_json::{Value, json};

use crate::{
    config::Deadlines,
    error::CallError,
    failure::{FailureKind, XapiFailure},
    jsonrpc::Malformed,
    records::Records,
    session::Session,
};

/// What a call works with: the session, and the records as they were when it was asked for.
pub(crate) struct Caller {
    pub(crate) session: Arc<Session>,
    pub(crate) records: Arc<Records>,
    /// PEM of our CA.
    pub(crate) authority: Option<Arc<str>>,
    pub(crate) deadlines: Deadlines,
}

/// Why a call is not done.
#[derive(Debug)]
pub(crate) enum NotDone {
    /// XAPI's answer, or that there is none.
    Call(CallError),
    /// Something that is no matter of one answer.
    Because(String),
}

impl From<CallError> for NotDone {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

/// A call's outcome, and whether it showed that the session is over.
pub(crate) struct Called {
    pub(crate) outcome: CallOutcome,
    pub(crate) session_error: Option<CallError>,
}

impl Caller {
    pub(crate) async fn execute(&self, call: &PoolCall) -> Called {
        let done = match call {
            PoolCall::InstallAuthority => self.install_authority().await,
            PoolCall::SyncCertificates => self.sync_certificates().await,
            PoolCall::IntroduceController => self.introduce_controller().await,
            PoolCall::CreateNetwork { key, label, bridge, mtu } => {
                self.create_network(*key, label, bridge, *mtu).await
            }
            PoolCall::MarkNetwork { network, key } => self.mark_network(network, *key).await,
            PoolCall::UnmarkNetwork { network } => self.unmark_network(network).await,
            PoolCall::ChangeNetwork { network, label, mtu } => {
                self.change_network(network, label, *mtu).await
            }
            PoolCall::DestroyNetwork { network } => {
                self.destroy("network.destroy", network, self.deadlines.call).await
            }
            PoolCall::CreateTunnel { host: _, network, transport, protocol } => {
                self.create_tunnel(network, transport, *protocol).await
            }
            PoolCall::DestroyTunnel { host: _, tunnel } => {
                self.destroy("tunnel.destroy", tunnel, self.deadlines.plug).await
            }
            PoolCall::Plug { host: _, pif } => self.plug(pif).await,
            PoolCall::SetStatus { host: _, tunnel, status } => self.set_status(tunnel, status).await,
        };
        match done {
            Ok(()) => Called { outcome: CallOutcome::Done, session_error: None },
            Err(NotDone::Because(reason)) => {
                Called { outcome: CallOutcome::Refused(reason), session_error: None }
            }
            Err(NotDone::Call(error)) => {
                let outcome = outcome(&error);
                let session_error = error.ends_session().then_some(error);
                Called { outcome, session_error }
            }
        }
    }

    /// Reads or writes the pool's database.
    async fn call(&self, method: &'static str, params: Vec<Value>) -> Result<Value, CallError> {
        self.session.call(method, params, self.deadlines.call).await
    }

    /// Has hosts do something.
    async fn act(&self, method: &'static str, params: Vec<Value>) -> Result<Value, CallError> {
        self.session.call(method, params, self.deadlines.plug).await
    }

    /// What is gone needs not be destroyed.
    async fn destroy(
        &self,
        method: &'static str,
        object: &ObjectRef,
        deadline: Duration,
    ) -> Result<(), NotDone> {
        match self.session.call(method, vec![json!(object.0)], deadline).await {
            Ok(_) => Ok(()),
            Err(CallError::Failed(failure)) if is_gone(&failure, object) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether a failure says that this very object is gone, and not another one that it leads to.
fn is_gone(failure: &XapiFailure, object: &ObjectRef) -> bool {
    failure.kind() == FailureKind::Gone && failure.params.get(1) == Some(&object.0)
}

/// A refused call had no effect, or one that the records show. Of one without an answer nothing is known.
fn outcome(error: &CallError) -> CallOutcome {
    match error {
        CallError::Failed(failure) => CallOutcome::Refused(failure.to_string()),
        CallError::Http(http) if http.is_not_sent() => CallOutcome::Refused(chain(http)),
        CallError::Http(http) => CallOutcome::Unknown(chain(http)),
        CallError::Malformed(malformed) => CallOutcome::Unknown(chain(malformed)),
    }
}

/// A result that is not what the method gives.
fn wrong(method: &'static str, expected: &'static str) -> NotDone {
    NotDone::Call(CallError::Malformed(Malformed::Result { method, expected }))
}
