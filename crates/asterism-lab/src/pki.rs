//! Certificates of a laboratory: one authority for the controllers' mutual TLS, one for the hosts' OVSDB.
//!
//! Made afresh at each start and kept in the sandbox's own memory file system: nothing here is a secret for longer than a run.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

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
    issuer: Issuer<'static, KeyPair>,
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
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = make_key(keys)?;
        let certificate = params.self_signed(&key).map_err(failed("signing the authority"))?;
        write(&dir.join("ca.pem"), &certificate.pem())?;
        Ok(Self { dir: dir.to_owned(), issuer: Issuer::new(params, key), keys })
    }

    /// Makes a certificate for server and client use and writes it as `<file>.pem` and `<file>.key`.
    ///
    /// # Errors
    /// When keys cannot be made or files not be written.
    pub fn issue(&self, file: &str, names: &[String], addresses: &[Ipv4Addr]) -> Result<Identity> {
        let mut params =
            CertificateParams::new(names.to_vec()).map_err(failed("naming a certificate's subject"))?;
        params
            .subject_alt_names
            .extend(addresses.iter().map(|address| SanType::IpAddress(IpAddr::V4(*address))));
        params.distinguished_name.push(DnType::CommonName, names.first().map_or(file, String::as_str));
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        let key = make_key(self.keys)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed("signing a certificate"))?;
        let identity = Identity {
            ca: self.dir.join("ca.pem"),
            cert: self.dir.join(format!("{file}.pem")),
            key: self.dir.join(format!("{file}.key")),
        };
        write(&identity.cert, &certificate.pem())?;
        write(&identity.key, &key.serialize_pem())?;
        Ok(identity)
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Authority({}, {:?})", self.dir.display(), self.keys)
    }
}

fn make_key(keys: Keys) -> Result<KeyPair> {
    match keys {
        Keys::Ecdsa => KeyPair::generate().map_err(failed("making a key")),
        Keys::Rsa => {
            let pem = openssl::rsa::Rsa::generate(RSA_BITS)
                .and_then(openssl::pkey::PKey::from_rsa)
                .and_then(|key| key.private_key_to_pem_pkcs8())
                .map_err(failed("making an RSA key"))?;
            KeyPair::from_pem(&String::from_utf8_lossy(&pem)).map_err(failed("reading an RSA key"))
        }
    }
}

fn failed<E: std::error::Error + Send + Sync + 'static>(doing: &str) -> impl FnOnce(E) -> LabError {
    let doing = doing.to_owned();
    move |source| LabError::Certificate { doing, source: Box::new(source) }
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|source| LabError::io(format!("writing {}", path.display()), source))
}
