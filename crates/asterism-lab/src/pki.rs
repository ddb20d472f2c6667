//! Certificates of a laboratory: one authority for the controllers' mutual TLS, one for the hosts' OVSDB.
//!
//! Made afresh at each start and kept in the sandbox's own memory file system: nothing here is a secret for longer than a run.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use asterism_pki::{PkiError, Subject};

use crate::error::{LabError, Result};

/// Ciphers with which XCP-ng 8.3 starts its ovsdb-server: static RSA throughout.
pub const XCP_NG_CIPHERS: &str = "AES256-SHA256:AES256-SHA:AES128-GCM-SHA256:AES128-SHA256:AES128-SHA";
/// The only protocol that it offers.
pub const XCP_NG_PROTOCOLS: &str = "TLSv1.2";
/// Size of the hosts' RSA keys, as XCP-ng makes them.
const RSA_BITS: u32 = 2048;

/// Files of one identity, PEM.
#[derive(Clone, Debug)]
pub struct Identity {
    pub ca: PathBuf,
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// How an ovsdb-server speaks TLS.
#[derive(Clone, Debug)]
pub struct OvsdbTls {
    pub identity: Identity,
    pub ciphers: String,
    pub protocols: String,
}

impl OvsdbTls {
    /// As XCP-ng starts its server: files as the table `SSL` names them.
    pub(crate) fn options_from_database(&self) -> [String; 5] {
        let column = |option: &str, column: &str| format!("--{option}=db:Open_vSwitch,SSL,{column}");
        [
            column("private-key", "private_key"),
            column("certificate", "certificate"),
            column("ca-cert", "ca_cert"),
            format!("--ssl-protocols={}", self.protocols),
            format!("--ssl-ciphers={}", self.ciphers),
        ]
    }

    pub(crate) fn server_options(&self) -> [String; 5] {
        let file = |path: &Path| path.display().to_string();
        [
            format!("--private-key={}", file(&self.identity.key)),
            format!("--certificate={}", file(&self.identity.cert)),
            format!("--ca-cert={}", file(&self.identity.ca)),
            format!("--ssl-protocols={}", self.protocols),
            format!("--ssl-ciphers={}", self.ciphers),
        ]
    }
}

/// A certificate authority with its files in one directory.
pub struct Authority {
    dir: PathBuf,
    authority: asterism_pki::Authority,
    keys: Keys,
}

/// Which kind of keys an authority and its certificates have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// P-256: quick to make; for the controllers' own gRPC.
    Ecdsa,
    /// RSA: what cipher suites with RSA key exchange need; for OVSDB.
    Rsa,
}

impl Authority {
    /// Makes an authority and writes its `ca.pem` into `dir`.
    ///
    /// # Errors
    /// When keys cannot be made or files not be written.
    pub fn create(dir: &Path, name: &str, keys: Keys) -> Result<Self> {
        fs::create_dir_all(dir)
            .map_err(|source| LabError::io(format!("making {}", dir.display()), source))?;
        let authority = asterism_pki::Authority::create_timeless(name, keys.kind())
            .map_err(failed("making the authority"))?;
        write(&dir.join("ca.pem"), authority.certificate_pem())?;
        Ok(Self { dir: dir.to_owned(), authority, keys })
    }

    /// Makes a certificate for server and client use and writes it as `<file>.pem` and `<file>.key`.
    ///
    /// # Errors
    /// When keys cannot be made or files not be written.
    pub fn issue(&self, file: &str, names: &[String], addresses: &[Ipv4Addr]) -> Result<Identity> {
        let addresses = addresses.iter().map(Ipv4Addr::to_string);
        let subject = Subject::Other {
            name: names.first().map_or(file, String::as_str).to_owned(),
            names: names.iter().cloned().chain(addresses).collect(),
            keys: self.keys.kind(),
        };
        self.issue_to(file, &subject)
    }

    /// The same for whom the controllers know.
    ///
    /// # Errors
    /// As above.
    pub fn issue_to(&self, file: &str, subject: &Subject) -> Result<Identity> {
        let issued = self.authority.issue_timeless(subject).map_err(failed("making a certificate"))?;
        let identity = Identity {
            ca: self.dir.join("ca.pem"),
            cert: self.dir.join(format!("{file}.pem")),
            key: self.dir.join(format!("{file}.key")),
        };
        write(&identity.cert, &issued.certificate_pem)?;
        write(&identity.key, &issued.key_pem)?;
        Ok(identity)
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Authority({}, {:?})", self.dir.display(), self.keys)
    }
}

impl Keys {
    fn kind(self) -> asterism_pki::Keys {
        match self {
            Self::Ecdsa => asterism_pki::Keys::Ecdsa,
            Self::Rsa => asterism_pki::Keys::Rsa { bits: RSA_BITS },
        }
    }
}

fn failed(doing: &str) -> impl FnOnce(PkiError) -> LabError {
    let doing = doing.to_owned();
    move |source| LabError::Certificate { doing, source: Box::new(source) }
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|source| LabError::io(format!("writing {}", path.display()), source))
}
