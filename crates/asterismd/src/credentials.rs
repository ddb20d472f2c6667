//! What this node shows and whom it trusts: read from files, and read again while it runs.
//!
//! Owns the way from files to what the port, the other replicas, hosts and pools are met with. What does not fit together is not
//! taken: the old stays in use, and [`Standing`] says why. Warns before something ends.

use std::{collections::BTreeMap, fs, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use asterism_api::Security;
use asterism_model::NodeId;
use asterism_ovsdb::{Identity, TlsConfig as OvsdbTls, Trust};
use asterism_pki::{Certificate, Holder};
use asterism_raft::{ConnectError, TlsPeers};
use tokio::{
    sync::watch,
    time::{Instant, interval},
};
use tokio_rustls::rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use tracing::{info, warn};

use crate::{admin::AdminForwarder, clock::Clock, pools::HostIdentity};

/// How often a certificate that ends soon is warned about.
const WARN_AGAIN: Duration = Duration::from_secs(24 * 3600);

/// Where the files are, all made absolute.
#[derive(Debug, Clone)]
pub struct CredentialFiles {
    pub ca: PathBuf,
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub hosts: Option<HostFiles>,
}

/// Those under `[ovsdb.tls]`.
#[derive(Debug, Clone)]
pub struct HostFiles {
    /// Who signed the certificates of hosts with `ssl:` endpoints.
    pub ca: Option<PathBuf>,
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// Who signed ours.
    pub authority: PathBuf,
}

/// What the files hold.
#[derive(Clone)]
pub struct CredentialTexts {
    pub tls: TlsTexts,
    hosts: Option<HostTexts>,
}

/// The content of the files under `[tls]`, in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct TlsTexts {
    pub ca: Vec<u8>,
    pub certificate: Vec<u8>,
    pub key: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq)]
struct HostTexts {
    ca: Option<Vec<u8>>,
    certificate: Vec<u8>,
    key: Vec<u8>,
    authority: Vec<u8>,
}

impl std::fmt::Debug for CredentialTexts {
    /// Never a key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CredentialTexts")
    }
}

/// What is made of them.
pub struct Credentials {
    texts: CredentialTexts,
    /// For the port.
    pub server: Arc<ServerConfig>,
    /// For sessions with hosts that stand in the configuration of nobody but us.
    pub static_hosts: Option<OvsdbTls>,
    /// For hosts of pools behind a XAPI.
    pub identity: Option<HostIdentity>,
    /// What has an end, by the key that names it.
    certificates: Vec<(&'static str, Certificate)>,
}

/// What is in use, and why nothing newer is.
#[derive(Clone)]
pub struct Standing {
    pub credentials: Arc<Credentials>,
    pub problem: Option<String>,
}

impl CredentialFiles {
    /// # Errors
    /// A sentence that names the key and the file.
    pub fn read(&self) -> anyhow::Result<CredentialTexts> {
        let tls = TlsTexts {
            ca: read_pem("tls.ca", &self.ca, "CERTIFICATE")?,
            certificate: read_pem("tls.cert", &self.certificate, "CERTIFICATE")?,
            key: read_pem("tls.key", &self.key, "PRIVATE KEY")?,
        };
        let hosts = self.hosts.as_ref().map(HostFiles::read).transpose()?;
        Ok(CredentialTexts { tls, hosts })
    }
}

impl HostFiles {
    fn read(&self) -> anyhow::Result<HostTexts> {
        let ca = self.ca.as_ref().map(|ca| read_pem("ovsdb.tls.ca", ca, "CERTIFICATE")).transpose()?;
        Ok(HostTexts {
            ca,
            certificate: read_pem("ovsdb.tls.cert", &self.certificate, "CERTIFICATE")?,
            key: read_pem("ovsdb.tls.key", &self.key, "PRIVATE KEY")?,
            authority: read_pem("ovsdb.tls.authority", &self.authority, "CERTIFICATE")?,
        })
    }
}

impl CredentialTexts {
    /// For sessions with hosts of static pools.
    pub fn static_hosts(&self) -> Option<OvsdbTls> {
        let hosts = self.hosts.as_ref()?;
        let trust = Trust::Authority { pem: hosts.ca.clone()? };
        Some(OvsdbTls { trust, identity: Some(hosts.identity()), required_name: None })
    }

    /// Who this node is to hosts of pools behind a XAPI, whose pools are given the authority that vouches for it.
    ///
    /// # Errors
    /// Certificate and authority don't belong together.
    pub fn identity(&self) -> anyhow::Result<Option<HostIdentity>> {
        let Some(hosts) = &self.hosts else { return Ok(None) };
        let identity = HostIdentity::new(hosts.identity(), hosts.authority.clone());
        let expected = "ovsdb.tls.authority: expected the one that signed ovsdb.tls.cert";
        identity.map(Some).context(expected)
    }
}

impl HostTexts {
    fn identity(&self) -> Identity {
        Identity { certificate_pem: self.certificate.clone(), key_pem: self.key.clone() }
    }
}

impl Credentials {
    /// Puts together what was read, for this node.
    ///
    /// # Errors
    /// What does not fit, by its key.
    pub fn new(node: NodeId, texts: CredentialTexts) -> anyhow::Result<Self> {
        let own = Certificate::from_pem("tls.cert", &texts.tls.certificate)?;
        if own.holder() != Holder::Node(node) {
            bail!(
                "tls.cert: it is for {:?}; expected `controller.asterism` and `{}` among its DNS names, and no other node's",
                own.names(),
                asterism_pki::node_name(node)
            );
        }
        let authorities = Certificate::all_from_pem("tls.ca", &texts.tls.ca)?;
        let own_chain = Certificate::all_from_pem("tls.cert", &texts.tls.certificate)?;
        let mut signers = authorities.iter().chain(own_chain.iter().skip(1));
        if !signers.any(|signer| own.is_signed_by(signer)) {
            bail!(
                "tls.ca: it did not sign tls.cert; expected the authority that did among those in the file"
            );
        }
        let server = server_config(&texts.tls)?;
        let mut certificates = vec![("tls.cert", own)];
        certificates.extend(authorities.into_iter().map(|authority| ("tls.ca", authority)));
        if let Some(hosts) = &texts.hosts {
            let shown = Certificate::from_pem("ovsdb.tls.cert", &hosts.certificate)?;
            if !shown.is_of_key(&hosts.key) {
                bail!("ovsdb.tls.key: it is not the key of the certificate in ovsdb.tls.cert");
            }
            certificates.push(("ovsdb.tls.cert", shown));
        }
        Ok(Self {
            server: Arc::new(server),
            static_hosts: texts.static_hosts(),
            identity: texts.identity()?,
            certificates,
            texts,
        })
    }

    /// For connections between replicas.
    ///
    /// # Errors
    /// The texts don't fit together.
    pub fn peers(&self) -> Result<TlsPeers, ConnectError> {
        TlsPeers::new(&self.texts.tls.ca, &self.texts.tls.certificate, &self.texts.tls.key)
    }

    /// For calls to other replicas on somebody's behalf.
    pub fn security(&self) -> Security {
        let TlsTexts { ca, certificate, key } = self.texts.tls.clone();
        Security::MutualTls { ca_pem: ca, cert_pem: certificate, key_pem: key }
    }

    /// When the node's own certificate ends, in seconds since the Unix epoch.
    pub fn ends(&self) -> i64 {
        self.certificates.first().map_or(0, |(_, own)| own.ends())
    }

    /// When each certificate ends, in seconds since the Unix epoch, by the key that names it; of several in a file the first.
    pub fn all_ends(&self) -> BTreeMap<&'static str, i64> {
        let mut ends = BTreeMap::new();
        for (key, certificate) in &self.certificates {
            let first = ends.entry(*key).or_insert(certificate.ends());
            *first = certificate.ends().min(*first);
        }
        ends
    }

    /// What ends soon or has ended, in words; `now` in seconds since the Unix epoch.
    pub fn ending(&self, now: i64) -> Vec<String> {
        let ending = self.certificates.iter().filter(|(_, certificate)| certificate.ends_soon(now));
        let told = ending.map(|(key, certificate)| match certificate.days_left(now) {
            days if days < 0 => format!("{key} has ended"),
            days => format!("{key} ends in {days} days"),
        });
        told.collect()
    }
}

impl Standing {
    /// What an operator should look at; empty when all is well. `now` in seconds since the Unix epoch.
    pub fn alarms(&self, now: i64) -> Vec<String> {
        let mut alarms = self.credentials.ending(now);
        alarms.extend(
            self.problem.iter().map(|problem| format!("newer certificates are not taken up: {problem}")),
        );
        alarms
    }
}

/// Looks after the files while the node runs.
pub struct Keeper {
    pub node: NodeId,
    pub files: CredentialFiles,
    pub every: Duration,
    pub peers: Arc<TlsPeers>,
    pub forwarder: AdminForwarder,
    pub clock: Clock,
    pub standing: watch::Sender<Standing>,
}

impl Keeper {
    /// Until it is stopped.
    pub async fn run(self, mut stopped: watch::Receiver<bool>) {
        let mut looks = interval(self.every);
        let mut warned: Option<Instant> = None;
        let mut suspected = None;
        loop {
            tokio::select! {
                _ = looks.tick() => {}
                _ = stopped.wait_for(|stopped| *stopped) => return,
            }
            let problem = self.look().await.err().map(|error| format!("{error:#}"));
            // Files are replaced one by one: what does not fit at one look and does at the next is no problem.
            let is_lasting = problem == suspected;
            if is_lasting {
                self.tell(problem.clone());
            }
            suspected = problem;
            let ending = self.standing.borrow().credentials.ending(self.now());
            let is_due = warned.is_none_or(|warned| warned.elapsed() >= WARN_AGAIN);
            if !ending.is_empty() && is_due {
                warn!(
                    ending = ending.join(", "),
                    "certificates end soon: renew them with `asterctl pki renew`"
                );
                warned = Some(Instant::now());
            }
        }
    }

    /// Takes up what is new.
    async fn look(&self) -> anyhow::Result<()> {
        let files = self.files.clone();
        let texts =
            tokio::task::spawn_blocking(move || files.read()).await.context("reading was cut short")??;
        let is_same = {
            let known = &self.standing.borrow().credentials.texts;
            known.tls == texts.tls && known.hosts == texts.hosts
        };
        if is_same {
            return Ok(());
        }
        let credentials = Credentials::new(self.node, texts)?;
        if credentials.ends() < self.now() {
            bail!("tls.cert: it has ended");
        }
        let TlsTexts { ca, certificate, key } = &credentials.texts.tls;
        self.peers.take_up(ca, certificate, key)?;
        self.forwarder.take_up(credentials.security());
        info!(days_left = (credentials.ends() - self.now()) / asterism_pki::DAY, "certificates taken up");
        self.standing.send_replace(Standing { credentials: Arc::new(credentials), problem: None });
        Ok(())
    }

    /// Says what is wrong, once.
    fn tell(&self, problem: Option<String>) {
        self.standing.send_if_modified(|standing| {
            if standing.problem == problem {
                return false;
            }
            if let Some(problem) = &problem {
                warn!(problem, "certificates are not taken up: the old ones stay in use");
            }
            standing.problem = problem;
            true
        });
    }

    fn now(&self) -> i64 {
        i64::try_from(self.clock.wall().0 / 1000).unwrap_or(i64::MAX)
    }
}

/// The port asks every client for a certificate of the cluster's authority.
fn server_config(tls: &TlsTexts) -> anyhow::Result<ServerConfig> {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(&tls.ca) {
        let authority = authority.context("tls.ca: it can't be read")?;
        roots.add(authority).context("tls.ca: it is no authority's certificate")?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone())
        .build()
        .context("tls.ca: it can't be trusted")?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&tls.certificate).collect();
    let key = PrivateKeyDer::from_pem_slice(&tls.key).context("tls.key: it can't be read")?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS can't be set up")?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain.context("tls.cert: it can't be read")?, key)
        .context("tls.key: it is not the key of the certificate in tls.cert")?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

fn read_pem(key: &str, path: &std::path::Path, label: &str) -> anyhow::Result<Vec<u8>> {
    let content = fs::read(path).with_context(|| format!("{key}: reading {}", path.display()))?;
    let text = String::from_utf8_lossy(&content);
    let is_there = text.lines().any(|line| line.starts_with("-----BEGIN ") && line.contains(label));
    if !is_there {
        bail!("{key}: {} holds no {label}; expected PEM", path.display());
    }
    Ok(content)
}
