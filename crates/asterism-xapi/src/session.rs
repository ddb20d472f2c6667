//! A session with one host's XAPI: log in, see that it is the master of the right pool, call, log out.
//!
//! Owns the session's reference, which nobody else sees. Dropping a session logs it out in the background, within a
//! deadline: a pool keeps some hundreds of sessions and drops the least recently used, whosever they are.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use asterism_model::{CertificateFingerprint, ObjectRef, XapiAddress, XapiUuid};
use serde_json::{Value, json};
use tokio::{runtime::Handle, time::timeout};

use crate::{
    config::XapiConfig,
    connection::Dialer,
    error::{CallError, XapiError},
    http::{HttpClient, Repeat},
    jsonrpc::{self, Malformed},
    records::{Fields, PoolRecord, Record},
    secret::Secret,
};

/// A session that is logged in to the pool's master. Calls in it don't wait for one another.
pub(crate) struct Session {
    client: Arc<Client>,
    reference: Secret,
    user: String,
    pool: XapiUuid,
    logout_deadline: Duration,
}

/// Requests to one host, with or without a session.
struct Client {
    http: HttpClient,
    next_id: AtomicU64,
}

impl Session {
    /// Logs in at `address`. Whoever is not the master of the expected pool is an error, by name.
    pub(crate) async fn open(config: &XapiConfig, address: &XapiAddress) -> Result<Self, XapiError> {
        let dialer = Dialer::new(address.clone(), &config.trust, config.deadlines.connect)
            .map_err(|error| XapiError::Trust(Arc::new(error)))?;
        let http = HttpClient::new(dialer, config.limits.answer, config.limits.idle_connections);
        let client = Arc::new(Client { http, next_id: AtomicU64::new(1) });
        let params =
            [json!(config.user), json!(config.password.expose()), json!("1.0"), json!(config.originator)];
        let method = "session.login_with_password";
        let login = client.call(method, &params, Repeat::Harmless, config.deadlines.login).await;
        let reference = login.map_err(|error| without_echo(error).at(address, method, &config.user))?;
        let Value::String(reference) = reference else {
            let error = Malformed::Result { method, expected: "a session's reference" };
            return Err(CallError::Malformed(error).at(address, method, &config.user));
        };
        let mut session = Self {
            client,
            reference: Secret::new(reference),
            user: config.user.clone(),
            pool: XapiUuid(0),
            logout_deadline: config.deadlines.logout,
        };
        session.pool = session.ask_pool(config).await?;
        Ok(session)
    }

    async fn ask_pool(&self, config: &XapiConfig) -> Result<XapiUuid, XapiError> {
        let method = "pool.get_all_records";
        let wrong = || {
            let error = Malformed::Result { method, expected: "one pool with a uuid" };
            self.explain(method, CallError::Malformed(error))
        };
        let records = self
            .call(method, vec![], config.deadlines.login)
            .await
            .map_err(|error| self.explain(method, error))?;
        let record = Fields::of(&records).first_record().ok_or_else(wrong)?;
        let found = PoolRecord::read(&Fields::of(record)).uuid.ok_or_else(wrong)?;
        match config.expected_pool {
            Some(expected) if expected != found => {
                Err(XapiError::WrongPool { address: self.address().clone(), found, expected })
            }
            Some(_) | None => Ok(found),
        }
    }

    pub(crate) fn address(&self) -> &XapiAddress {
        self.client.http.address()
    }

    pub(crate) fn pool(&self) -> XapiUuid {
        self.pool
    }

    /// The certificate that the master showed; none over plain HTTP.
    pub(crate) fn certificate(&self) -> Option<CertificateFingerprint> {
        self.client.http.certificate()
    }

    /// Calls `method` with the session's reference and `params`.
    pub(crate) async fn call(
        &self,
        method: &'static str,
        params: Vec<Value>,
        deadline: Duration,
    ) -> Result<Value, CallError> {
        let mut all = vec![json!(self.reference.expose())];
        all.extend(params);
        let repeat = if is_read(method) { Repeat::Harmless } else { Repeat::Never };
        self.client.call(method, &all, repeat, deadline).await
    }

    /// The session's own record.
    pub(crate) async fn own_record(&self, deadline: Duration) -> Result<Value, XapiError> {
        let method = "session.get_record";
        let params = vec![json!(self.reference.expose())];
        self.call(method, params, deadline).await.map_err(|error| self.explain(method, error))
    }

    /// One object's record; `None` if the object is gone.
    pub(crate) async fn record(
        &self,
        method: &'static str,
        object: &ObjectRef,
        deadline: Duration,
    ) -> Result<Option<Value>, CallError> {
        match self.call(method, vec![json!(object.0)], deadline).await {
            Ok(record) => Ok(Some(record)),
            Err(CallError::Failed(failure)) if failure.is("HANDLE_INVALID") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What a call's error means for the session.
    pub(crate) fn explain(&self, method: &'static str, error: CallError) -> XapiError {
        error.at(self.address(), method, &self.user)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Ok(runtime) = Handle::try_current() else { return };
        let client = Arc::clone(&self.client);
        let reference = json!(self.reference.expose());
        let deadline = self.logout_deadline;
        runtime.spawn(async move {
            let params = [reference];
            let logout = client.call("session.logout", &params, Repeat::Harmless, deadline);
            // Whether it worked changes nothing: the pool collects sessions that nobody uses.
            drop(timeout(deadline, logout).await);
        });
    }
}

impl Client {
    async fn call(
        &self,
        method: &str,
        params: &[Value],
        repeat: Repeat,
        deadline: Duration,
    ) -> Result<Value, CallError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let body = jsonrpc::encode(method, params, id);
        let answer = self.http.post(body, repeat, deadline).await.map_err(CallError::Http)?;
        jsonrpc::decode(&answer, id).map_err(CallError::Malformed)?.map_err(CallError::Failed)
    }
}

/// A password that cannot be read is echoed in the refusal.
fn without_echo(error: CallError) -> CallError {
    match error {
        CallError::Failed(failure) if failure.is("INVALID_VALUE") => {
            CallError::Failed(failure.without_params())
        }
        CallError::Failed(_) | CallError::Http(_) | CallError::Malformed(_) => error,
    }
}

/// Whether a method changes nothing, so that it may be sent again when its connection breaks.
fn is_read(method: &str) -> bool {
    method == "event.from" || method == "pool.certificate_list" || method.contains(".get_")
}
