//! Our CA, as the pool's hosts look for it.

use asterism_model::{ObservedAuthority, pool_objects::AUTHORITY_FILE};
use serde_json::{Value, json};

use crate::{
    calls::{Caller, NotDone},
    error::CallError,
    failure::FailureKind,
    observe::{Authorities, observe_authority},
    tls::fingerprint_of_pem,
};

/// The first is known to all versions up to 26.13, the second to those from 1.290 on.
const INSTALL: [&str; 2] = ["pool.certificate_install", "pool.install_ca_certificate"];

impl Caller {
    /// Installs our CA, unless there is one of that name, and has it copied to all hosts. Another one is left alone: it
    /// is another controller's.
    pub(super) async fn install_authority(&self) -> Result<(), NotDone> {
        let Some(pem) = self.authority.as_deref() else {
            return Err(NotDone::Because("no CA is configured to be installed".to_owned()));
        };
        let ours = fingerprint_of_pem(pem)
            .map_err(|error| NotDone::Because(format!("our CA is no certificate in PEM: {error}")))?;
        match self.install(pem).await {
            Ok(()) => {}
            Err(CallError::Failed(failure)) if failure.is("CERTIFICATE_ALREADY_EXISTS") => {
                let authorities = Authorities { installed: None, ours: Some(ours) };
                match observe_authority(&self.records, &authorities) {
                    ObservedAuthority::Other => {
                        return Err(NotDone::Because(format!(
                            "another CA is installed as {AUTHORITY_FILE}: expected none, or ours"
                        )));
                    }
                    ObservedAuthority::Unknown | ObservedAuthority::Absent | ObservedAuthority::Installed => {
                    }
                }
            }
            Err(error) => return Err(error.into()),
        }
        self.sync_certificates().await
    }

    async fn install(&self, pem: &str) -> Result<(), CallError> {
        let params = || vec![json!(AUTHORITY_FILE), json!(pem)];
        match self.act(INSTALL[0], params()).await {
            Err(CallError::Failed(failure)) if failure.kind() == FailureKind::Unknown => {
                self.act(INSTALL[1], params()).await.map(drop)
            }
            other => other.map(drop),
        }
    }

    pub(super) async fn sync_certificates(&self) -> Result<(), NotDone> {
        Ok(self.act("pool.certificate_sync", vec![]).await.map(drop)?)
    }

    /// Names of the CA certificates that are installed.
    pub(crate) async fn list_authorities(&self) -> Result<Vec<String>, CallError> {
        let names = self.call("pool.certificate_list", vec![]).await?;
        let names = names.as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }
}
