//! How a pool's XAPI is reached, who logs in, and by what it is known.

use std::{fs, path::PathBuf};

use anyhow::Result;
use asterism_api::v1::{self, xapi_trust::By};
use asterism_model::{CertificateFingerprint, XapiAddress};
use clap::Args;

use super::password;
use crate::exit::usage;

/// Who logs in unless told otherwise: it is on every pool.
const USER: &str = "root";
/// Of these options in the help.
const HEADING: &str = "XAPI";

#[derive(Debug, Clone, Default, Args)]
pub struct AccessArgs {
    /// Where the pool's XAPI answers, as https://HOST or https://HOST:PORT: of a pool that is new, its master's; again for more
    #[arg(long = "xapi", value_name = "ADDRESS", help_heading = HEADING)]
    addresses: Vec<XapiAddress>,

    /// Who logs in [default for a pool that is new: root]
    #[arg(long, help_heading = HEADING)]
    user: Option<String>,

    /// A file with the password in its first line; without it, ASTERISM_XAPI_PASSWORD is taken, or it is asked for
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    password_file: Option<PathBuf>,

    /// Know the pool's hosts by the authority that signed their certificates, PEM
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fingerprints", "trust_on_first_use"], help_heading = HEADING)]
    xapi_ca: Option<PathBuf>,

    /// Know the pool's hosts by the SHA-256 of a certificate; again for more
    #[arg(long = "fingerprint", value_name = "HEX", conflicts_with = "trust_on_first_use", help_heading = HEADING)]
    fingerprints: Vec<CertificateFingerprint>,

    /// Know the pool's hosts by what they show now, whoever they are
    #[arg(long, help_heading = HEADING)]
    trust_on_first_use: bool,
}

impl AccessArgs {
    pub fn is_given(&self) -> bool {
        !self.addresses.is_empty()
    }

    pub fn trust_on_first_use(&self) -> bool {
        self.trust_on_first_use
    }

    /// Whether any of these options is given.
    pub fn is_any_given(&self) -> bool {
        self.is_given()
            || self.user.is_some()
            || self.password_file.is_some()
            || self.xapi_ca.is_some()
            || !self.fingerprints.is_empty()
            || self.trust_on_first_use
    }

    /// The access of a pool of which nothing is known yet.
    ///
    /// # Errors
    /// Something is missing, or a file can't be read.
    pub fn whole(&self) -> Result<v1::XapiAccess> {
        let Some(first) = self.addresses.first() else {
            return Err(usage("no address: give --xapi https://HOST of the pool's master"));
        };
        let Some(trust) = self.trust()? else {
            return Err(usage(format!(
                "by what is the pool to be known? Give --xapi-ca FILE, --fingerprint HEX, or --trust-on-first-use; \
                 `openssl x509 -in /etc/xensource/xapi-ssl.pem -noout -fingerprint -sha256` on {} tells its fingerprint",
                first.authority()
            )));
        };
        let user = self.user.clone().unwrap_or_else(|| USER.to_owned());
        let password = password::get(self.password_file.as_deref(), &user, first)?;
        Ok(v1::XapiAccess {
            addresses: self.addresses(),
            user,
            password: Some(v1::Secret { text: password }),
            trust: Some(trust),
        })
    }

    /// What is to be changed of an access; the password only where one is given, or `asks` for it.
    ///
    /// # Errors
    /// A file can't be read, or there is nobody to ask.
    pub fn change(&self, pool: &str, asks: bool) -> Result<v1::XapiAccess> {
        let password = match &self.password_file {
            Some(file) => Some(password::from_file(file)?),
            None if asks => {
                let user = self.user.as_deref().unwrap_or("the pool's user");
                Some(password::get(None, user, &pool)?)
            }
            None => None,
        };
        Ok(v1::XapiAccess {
            addresses: self.addresses(),
            user: self.user.clone().unwrap_or_default(),
            password: password.map(|text| v1::Secret { text }),
            trust: self.trust()?,
        })
    }

    fn addresses(&self) -> Vec<String> {
        self.addresses.iter().map(ToString::to_string).collect()
    }

    fn trust(&self) -> Result<Option<v1::XapiTrust>> {
        let by = if let Some(file) = &self.xapi_ca {
            let text = fs::read_to_string(file);
            let text =
                text.map_err(|error| usage(format!("--xapi-ca: {} can't be read: {error}", file.display())))?;
            By::AuthorityPem(text)
        } else if self.trust_on_first_use {
            By::FirstUse(v1::TrustOnFirstUse {})
        } else if self.fingerprints.is_empty() {
            return Ok(None);
        } else {
            let sha256 = self.fingerprints.iter().map(ToString::to_string).collect();
            By::Fingerprints(v1::Fingerprints { sha256 })
        };
        Ok(Some(v1::XapiTrust { by: Some(by) }))
    }
}
