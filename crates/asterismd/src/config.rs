//! The node's configuration: one TOML file, parsed to raw values, then checked into what the program uses.
//!
//! Every refusal names the key and what would be valid.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use asterism_model::{Name, NodeId};
use asterism_ovsdb::{Identity, SessionConfig, TlsConfig as OvsdbTls, Trust};
use asterism_planner::Settings;
use asterism_raft::{ReplicaConfig, Timing};
use serde::Deserialize;
use tracing_subscriber::EnvFilter;

use crate::{
    pools::{HostIdentity, PoolAccess},
    secrets::ClusterKey,
};

/// What the program uses.
#[derive(Debug, Clone)]
pub struct Config {
    pub node: NodeId,
    pub cluster: Name,
    pub data_dir: PathBuf,
    pub listen: SocketAddr,
    /// `host:port` at which replicas and operators reach this one.
    pub advertise: String,
    pub tls: TlsFiles,
    pub timing: Timing,
    pub snapshot_every: u64,
    /// How sessions with hosts are kept.
    pub sessions: SessionConfig,
    pub settings: Settings,
    /// What this node has for pools behind a XAPI.
    pub pools: PoolAccess,
    pub log: LogConfig,
}

/// The content of the files under `[tls]`, in PEM.
#[derive(Clone)]
pub struct TlsFiles {
    pub ca: Vec<u8>,
    pub certificate: Vec<u8>,
    pub key: Vec<u8>,
}

impl std::fmt::Debug for TlsFiles {
    /// Never the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsFiles")
    }
}

#[derive(Debug, Clone)]
pub struct LogConfig {
    pub filter: LogFilter,
    pub format: LogFormat,
}

/// A checked filter; [`EnvFilter`] itself can't be cloned.
#[derive(Debug, Clone)]
pub struct LogFilter(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    node_id: u64,
    cluster: String,
    data_dir: PathBuf,
    listen: String,
    advertise: String,
    tls: RawTls,
    #[serde(default)]
    raft: RawRaft,
    #[serde(default)]
    ovsdb: RawOvsdb,
    secrets: Option<RawSecrets>,
    #[serde(default)]
    log: RawLog,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTls {
    ca: PathBuf,
    cert: PathBuf,
    key: PathBuf,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawRaft {
    heartbeat_interval: Option<String>,
    election_timeout_min: Option<String>,
    election_timeout_max: Option<String>,
    snapshot_every: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawOvsdb {
    connect_timeout: Option<String>,
    call_timeout: Option<String>,
    probe_interval: Option<String>,
    probe_timeout: Option<String>,
    tls: Option<RawOvsdbTls>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOvsdbTls {
    ca: Option<PathBuf>,
    cert: PathBuf,
    key: PathBuf,
    authority: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSecrets {
    key: PathBuf,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawLog {
    level: Option<String>,
    format: LogFormat,
}

/// How soon a silent host's session counts as lost: one second to the next probe, two for its answer. Beside BFD this is
/// what the time to replace a dead center consists of; an idle host costs one echo a second.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

impl Config {
    /// Reads and checks the file and those that it names; relative paths are relative to it.
    ///
    /// # Errors
    /// A sentence that names the file, the key, and what would be valid.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let text = fs::read_to_string(path).with_context(|| format!("reading the configuration {shown}"))?;
        let raw: RawConfig = toml::from_str(&text).with_context(|| format!("{shown} is malformed"))?;
        Self::check(raw, path.parent().unwrap_or(Path::new(".")))
            .with_context(|| format!("{shown} is not valid"))
    }

    fn check(raw: RawConfig, base: &Path) -> anyhow::Result<Self> {
        if raw.node_id == 0 {
            bail!("node_id: 0 is not a node; expected 1 or more, never used before in this cluster");
        }
        let listen: SocketAddr = raw.listen.parse().ok().with_context(|| {
            format!("listen: `{}` is not an address; expected IP:PORT, as 0.0.0.0:7400", raw.listen)
        })?;
        check_advertise(&raw.advertise)?;
        if raw.data_dir.as_os_str().is_empty() {
            bail!("data_dir: is empty; expected a directory of this node's own, as /var/lib/asterism");
        }
        Ok(Self {
            node: NodeId(raw.node_id),
            cluster: raw.cluster.parse().context("cluster")?,
            data_dir: base.join(raw.data_dir),
            listen,
            advertise: raw.advertise,
            tls: TlsFiles::read("tls", &raw.tls, base)?,
            timing: timing(&raw.raft)?,
            snapshot_every: at_least("raft.snapshot_every", raw.raft.snapshot_every, 100, 5000)?,
            sessions: sessions(&raw.ovsdb, base)?,
            settings: Settings::default(),
            pools: PoolAccess {
                node: NodeId(raw.node_id),
                key: cluster_key(raw.secrets, base)?,
                identity: host_identity(raw.ovsdb.tls.as_ref(), &raw.tls, base)?,
            },
            log: LogConfig { filter: LogFilter::check(raw.log.level)?, format: raw.log.format },
        })
    }

    /// What consensus needs of it.
    pub fn replica(&self) -> ReplicaConfig {
        ReplicaConfig {
            timing: self.timing,
            snapshot_every: self.snapshot_every,
            ..ReplicaConfig::new(
                self.node,
                self.cluster.clone(),
                self.data_dir.clone(),
                self.advertise.clone(),
            )
        }
    }
}

impl TlsFiles {
    fn read(section: &str, raw: &RawTls, base: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            ca: read_pem(section, "ca", &base.join(&raw.ca), "CERTIFICATE")?,
            certificate: read_pem(section, "cert", &base.join(&raw.cert), "CERTIFICATE")?,
            key: read_pem(section, "key", &base.join(&raw.key), "PRIVATE KEY")?,
        })
    }
}

impl LogFilter {
    fn check(level: Option<String>) -> anyhow::Result<Self> {
        let text = level.unwrap_or_else(|| "info".to_owned());
        EnvFilter::try_new(&text).map_err(|error| {
            anyhow::anyhow!(
                "log.level: `{text}`: {error}; expected error, warn, info, debug, trace, or target=level"
            )
        })?;
        // A bare `info` means our own: openraft's would tell each vote and timer.
        let is_quiet = ["error", "warn", "info"].contains(&text.as_str());
        Ok(Self(if is_quiet { format!("{text},openraft=error") } else { text }))
    }

    pub fn filter(&self) -> EnvFilter {
        EnvFilter::new(&self.0)
    }
}

fn check_advertise(text: &str) -> anyhow::Result<()> {
    let port = text
        .rsplit_once(':')
        .and_then(|(host, port)| (!host.is_empty()).then(|| port.parse::<u16>().ok())?);
    match port {
        Some(port) if port != 0 && !text.starts_with("0.0.0.0:") && !text.starts_with("[::]:") => Ok(()),
        Some(_) | None => bail!(
            "advertise: `{text}` reaches nobody; expected HOST:PORT at which the other replicas reach this one"
        ),
    }
}

fn read_pem(section: &str, key: &str, path: &Path, label: &str) -> anyhow::Result<Vec<u8>> {
    let content = fs::read(path).with_context(|| format!("{section}.{key}: reading {}", path.display()))?;
    let text = String::from_utf8_lossy(&content);
    let is_there = text.lines().any(|line| line.starts_with("-----BEGIN ") && line.contains(label));
    if !is_there {
        bail!("{section}.{key}: {} holds no {label}; expected it in PEM", path.display());
    }
    Ok(content)
}

fn timing(raw: &RawRaft) -> anyhow::Result<Timing> {
    let default = Timing::default();
    let timing = Timing {
        heartbeat: duration("raft.heartbeat_interval", raw.heartbeat_interval.as_deref(), default.heartbeat)?,
        election_min: duration(
            "raft.election_timeout_min",
            raw.election_timeout_min.as_deref(),
            default.election_min,
        )?,
        election_max: duration(
            "raft.election_timeout_max",
            raw.election_timeout_max.as_deref(),
            default.election_max,
        )?,
    };
    if timing.election_min < timing.heartbeat * 2 {
        bail!(
            "raft.election_timeout_min: {:?} is less than two heartbeats of {:?}; expected three or more",
            timing.election_min,
            timing.heartbeat
        );
    }
    if timing.election_max <= timing.election_min {
        bail!(
            "raft.election_timeout_max: {:?} is not more than election_timeout_min; expected about twice {:?}",
            timing.election_max,
            timing.election_min
        );
    }
    Ok(timing)
}

fn sessions(raw: &RawOvsdb, base: &Path) -> anyhow::Result<SessionConfig> {
    let mut config = SessionConfig::default();
    config.connect_deadline =
        duration("ovsdb.connect_timeout", raw.connect_timeout.as_deref(), config.connect_deadline)?;
    config.call_deadline = duration("ovsdb.call_timeout", raw.call_timeout.as_deref(), config.call_deadline)?;
    config.liveness.probe_interval =
        duration("ovsdb.probe_interval", raw.probe_interval.as_deref(), PROBE_INTERVAL)?;
    config.liveness.probe_deadline =
        duration("ovsdb.probe_timeout", raw.probe_timeout.as_deref(), PROBE_TIMEOUT)?;
    if let Some(tls) = &raw.tls
        && let Some(ca) = &tls.ca
    {
        config.tls = Some(OvsdbTls {
            trust: Trust::Authority { pem: read_pem("ovsdb.tls", "ca", &base.join(ca), "CERTIFICATE")? },
            identity: Some(identity(tls, base)?),
            required_name: None,
        });
    }
    Ok(config)
}

fn identity(tls: &RawOvsdbTls, base: &Path) -> anyhow::Result<Identity> {
    Ok(Identity {
        certificate_pem: read_pem("ovsdb.tls", "cert", &base.join(&tls.cert), "CERTIFICATE")?,
        key_pem: read_pem("ovsdb.tls", "key", &base.join(&tls.key), "PRIVATE KEY")?,
    })
}

/// Who this node is to hosts of pools behind a XAPI, whose pools are given the authority that vouches for it.
fn host_identity(
    tls: Option<&RawOvsdbTls>,
    cluster: &RawTls,
    base: &Path,
) -> anyhow::Result<Option<HostIdentity>> {
    let Some(tls) = tls else { return Ok(None) };
    let path = base.join(tls.authority.as_ref().unwrap_or(&cluster.ca));
    let authority_pem = read_pem("ovsdb.tls", "authority", &path, "CERTIFICATE")?;
    let identity = identity(tls, base)?;
    HostIdentity::new(identity, authority_pem).map(Some).with_context(|| {
        format!("ovsdb.tls.authority: {}; expected the one that signed ovsdb.tls.cert", path.display())
    })
}

fn cluster_key(raw: Option<RawSecrets>, base: &Path) -> anyhow::Result<Option<ClusterKey>> {
    raw.map(|raw| ClusterKey::read(&base.join(raw.key)).context("secrets.key")).transpose()
}

fn duration(key: &str, text: Option<&str>, default: Duration) -> anyhow::Result<Duration> {
    let Some(text) = text else { return Ok(default) };
    let parsed = humantime::parse_duration(text).ok().filter(|duration| !duration.is_zero());
    parsed.with_context(|| {
        format!("{key}: `{text}` is not a duration; expected a number with a unit, as 100ms or 2s")
    })
}

fn at_least(key: &str, number: Option<u64>, least: u64, default: u64) -> anyhow::Result<u64> {
    match number {
        None => Ok(default),
        Some(number) if number >= least => Ok(number),
        Some(number) => bail!("{key}: {number} is too small; expected {least} or more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = r#"
        node_id = 1
        cluster = "prod"
        data_dir = "data"
        listen = "0.0.0.0:7400"
        advertise = "10.0.0.1:7400"
        [tls]
        ca = "ca.pem"
        cert = "cert.pem"
        key = "key.pem"
    "#;

    fn load(text: &str) -> Result<Config, String> {
        let dir = tempfile::tempdir().unwrap();
        let pem = |label: &str| format!("-----BEGIN {label}-----\n-----END {label}-----\n");
        fs::write(dir.path().join("ca.pem"), pem("CERTIFICATE")).unwrap();
        fs::write(dir.path().join("cert.pem"), pem("CERTIFICATE")).unwrap();
        fs::write(dir.path().join("key.pem"), pem("PRIVATE KEY")).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(dir.path().join("key.pem"), private).unwrap();
        let path = dir.path().join("node.toml");
        fs::write(&path, text).unwrap();
        Config::load(&path).map_err(|error| format!("{error:#}"))
    }

    fn refusal(from: &str, to: &str) -> String {
        assert!(VALID.contains(from));
        load(&VALID.replace(from, to)).unwrap_err()
    }

    #[test]
    fn a_minimal_configuration_has_the_defaults() {
        let config = load(VALID).unwrap();
        assert_eq!(config.timing, Timing::default());
        assert_eq!(config.sessions.liveness.probe_interval, PROBE_INTERVAL);
        assert!(config.data_dir.ends_with("data") && config.data_dir.is_absolute());
    }

    #[test]
    fn a_refusal_names_the_key_and_what_would_be_valid() {
        for (from, to, key, valid) in [
            ("node_id = 1", "node_id = 0", "node_id", "1 or more"),
            ("\"prod\"", "\"a b\"", "cluster", "letters"),
            ("\"0.0.0.0:7400\"", "\"7400\"", "listen", "IP:PORT"),
            ("\"10.0.0.1:7400\"", "\"0.0.0.0:7400\"", "advertise", "HOST:PORT"),
            ("\"ca.pem\"", "\"none.pem\"", "tls.ca", "none.pem"),
            ("\"key.pem\"", "\"cert.pem\"", "tls.key", "PRIVATE KEY"),
            ("[tls]", "[raft]\nheartbeat_interval = \"100\"\n[tls]", "raft.heartbeat_interval", "100ms"),
            ("[tls]", "[raft]\nelection_timeout_min = \"150ms\"\n[tls]", "election_timeout_min", "three"),
            ("[tls]", "[secrets]\nkey = \"key.pem\"\n[tls]", "secrets.key", "64 hexadecimal"),
            ("[tls]", "[secrets]\nkye = \"key.pem\"\n[tls]", "kye", "key"),
            ("[tls]", "[log]\nlevel = \"a=b=c\"\n[tls]", "log.level", "debug"),
            ("[tls]", "[ovsdb]\nprobe = \"1s\"\n[tls]", "probe", "probe_interval"),
            ("cluster", "clutser", "clutser", "cluster"),
        ] {
            let text = refusal(from, to);
            assert!(text.contains(key) && text.contains(valid), "{to}: {text}");
        }
    }
}
