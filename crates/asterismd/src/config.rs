//! The node's configuration: one TOML file, parsed to raw values, then checked into what the program uses.
//!
//! Every refusal names the key and what would be valid.

mod limits;

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use asterism_model::{Name, NodeId};
use asterism_ovsdb::SessionConfig;
use asterism_planner::Settings;
use asterism_raft::{ReplicaConfig, Timing};
pub use limits::Limits;
use limits::RawLimits;
use serde::Deserialize;
use tracing_subscriber::EnvFilter;

use crate::{
    backups::{RawSnapshots, SnapshotPlan},
    credentials::{CredentialFiles, CredentialTexts, HostFiles},
    pools::PoolAccess,
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
    /// Certificates and keys, and how often they are looked for.
    pub files: CredentialFiles,
    pub texts: CredentialTexts,
    pub reload_every: Duration,
    pub limits: Limits,
    pub timing: Timing,
    pub snapshot_every: u64,
    pub snapshots: SnapshotPlan,
    /// How sessions with hosts are kept.
    pub sessions: SessionConfig,
    pub settings: Settings,
    /// What this node has for pools behind a XAPI.
    pub pools: PoolAccess,
    pub log: LogConfig,
    /// Where `/metrics`, `/healthz` and `/readyz` are served, if anywhere.
    pub metrics: Option<SocketAddr>,
    pub alarms: AlarmConfig,
}

/// From where on something is an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlarmConfig {
    /// Free bytes under `data_dir`.
    pub disk_free_min: u64,
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
    limits: RawLimits,
    #[serde(default)]
    snapshots: RawSnapshots,
    #[serde(default)]
    log: RawLog,
    #[serde(default)]
    metrics: RawMetrics,
    #[serde(default)]
    alarms: RawAlarms,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTls {
    ca: PathBuf,
    cert: PathBuf,
    key: PathBuf,
    reload_interval: Option<String>,
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

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawMetrics {
    listen: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawAlarms {
    disk_free_min_mib: Option<u64>,
}

/// Room for some snapshots of the largest state that is measured, and for the log between them.
const DISK_FREE_MIN_MIB: u64 = 512;

/// How soon a silent host's session counts as lost: one second to the next probe, two for its answer. Beside BFD this is
/// what the time to replace a dead center consists of; an idle host costs one echo a second.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Reading a handful of files costs nothing, and an operator who copied them waits.
const RELOAD: Duration = Duration::from_secs(5);

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
        let files = credential_files(&raw.tls, raw.ovsdb.tls.as_ref(), base);
        let texts = files.read()?;
        let data_dir = base.join(raw.data_dir);
        Ok(Self {
            node: NodeId(raw.node_id),
            cluster: raw.cluster.parse().context("cluster")?,
            listen,
            advertise: raw.advertise,
            sessions: SessionConfig { tls: texts.static_hosts(), ..sessions(&raw.ovsdb)? },
            reload_every: duration("tls.reload_interval", raw.tls.reload_interval.as_deref(), RELOAD)?,
            limits: Limits::check(&raw.limits)?,
            timing: timing(&raw.raft)?,
            snapshots: raw.snapshots.check(base, &data_dir)?,
            data_dir,
            snapshot_every: at_least("raft.snapshot_every", raw.raft.snapshot_every, 100, 5000)?,
            settings: Settings::default(),
            pools: PoolAccess::new(NodeId(raw.node_id), cluster_key(raw.secrets, base)?, texts.identity()?),
            log: LogConfig { filter: LogFilter::check(raw.log.level)?, format: raw.log.format },
            files,
            texts,
            metrics: crate::metrics::address(raw.metrics.listen.as_deref())?,
            alarms: AlarmConfig {
                disk_free_min: raw
                    .alarms
                    .disk_free_min_mib
                    .unwrap_or(DISK_FREE_MIN_MIB)
                    .saturating_mul(1 << 20),
            },
        })
    }

    /// How long it takes at most until another replica leads when the leader dies.
    pub fn failover(&self) -> Duration {
        self.timing.election_max * 2
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

fn sessions(raw: &RawOvsdb) -> anyhow::Result<SessionConfig> {
    let mut config = SessionConfig::default();
    config.connect_deadline =
        duration("ovsdb.connect_timeout", raw.connect_timeout.as_deref(), config.connect_deadline)?;
    config.call_deadline = duration("ovsdb.call_timeout", raw.call_timeout.as_deref(), config.call_deadline)?;
    config.liveness.probe_interval =
        duration("ovsdb.probe_interval", raw.probe_interval.as_deref(), PROBE_INTERVAL)?;
    config.liveness.probe_deadline =
        duration("ovsdb.probe_timeout", raw.probe_timeout.as_deref(), PROBE_TIMEOUT)?;
    Ok(config)
}

fn credential_files(tls: &RawTls, hosts: Option<&RawOvsdbTls>, base: &Path) -> CredentialFiles {
    CredentialFiles {
        ca: base.join(&tls.ca),
        certificate: base.join(&tls.cert),
        key: base.join(&tls.key),
        hosts: hosts.map(|hosts| HostFiles {
            ca: hosts.ca.as_ref().map(|ca| base.join(ca)),
            certificate: base.join(&hosts.cert),
            key: base.join(&hosts.key),
            authority: base.join(hosts.authority.as_ref().unwrap_or(&tls.ca)),
        }),
    }
}

fn cluster_key(raw: Option<RawSecrets>, base: &Path) -> anyhow::Result<Option<ClusterKey>> {
    raw.map(|raw| ClusterKey::read(&base.join(raw.key)).context("secrets.key")).transpose()
}

pub(crate) fn duration(key: &str, text: Option<&str>, default: Duration) -> anyhow::Result<Duration> {
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
    use proptest::prelude::*;

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
            ("[tls]", "[metrics]\nlisten = \"9464\"\n[tls]", "metrics.listen", "127.0.0.1:9464"),
            ("[tls]", "[alarms]\ndisk = 1\n[tls]", "disk", "disk_free_min_mib"),
            ("cluster", "clutser", "clutser", "cluster"),
            ("[tls]", "[limits]\nconnections = 3\n[tls]", "limits.connections", "16 or more"),
            ("[tls]", "[limits]\nwrites = 3\n[tls]", "writes", "writes_per_second"),
            ("key.pem\"", "key.pem\"\nreload_interval = \"5\"", "tls.reload_interval", "100ms"),
        ] {
            let text = refusal(from, to);
            assert!(text.contains(key) && text.contains(valid), "{to}: {text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn whatever_stands_in_the_file_is_taken_or_refused_with_a_sentence(
            at in 0..VALID.len(), cut in 0..60_usize, text in "\\PC{0,30}",
        ) {
            let mut changed = VALID.to_owned();
            changed.replace_range(at..VALID.len().min(at + cut), &text);
            let told = load(&changed).err();
            prop_assert!(told.is_none_or(|told| told.contains("node.toml")));
        }
    }
}
