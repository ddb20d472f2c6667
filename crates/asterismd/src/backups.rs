//! Snapshots that each replica keeps by itself: files as `asterctl snapshot save` writes them, of its own state.
//!
//! Every replica keeps its own, so that any disk that survives has them. A state that is in the newest file already is
//! not written again. The newest file is never removed, however old.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use asterism_model::{
    NodeId, Timestamp,
    backup::{Backup, TakenAt},
};
use asterism_raft::{Replica, View};
use serde::Deserialize;
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};
use tracing::{info, warn};

use crate::{clock::Clock, config::duration};

/// When files are written, and how long they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotPlan {
    pub dir: PathBuf,
    /// `None`: never.
    pub every: Option<Duration>,
    /// How many files are kept at most.
    pub keep: usize,
    /// Older ones go before that.
    pub max_age: Duration,
}

/// `[snapshots]` of the configuration.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct RawSnapshots {
    dir: Option<PathBuf>,
    every: Option<String>,
    keep: Option<usize>,
    max_age: Option<String>,
}

const EVERY: Duration = Duration::from_secs(3600);
/// Two days of hours.
const KEEP: usize = 48;
const MAX_AGE: Duration = Duration::from_secs(30 * 24 * 3600);

impl RawSnapshots {
    /// # Errors
    /// Names the key, and what would be valid.
    pub fn check(self, base: &Path, data_dir: &Path) -> anyhow::Result<SnapshotPlan> {
        let keep = self.keep.unwrap_or(KEEP);
        if keep == 0 {
            bail!("snapshots.keep: 0 keeps none; expected 1 or more, or every = \"never\"");
        }
        let every = match self.every.as_deref() {
            Some("never") => None,
            text => Some(duration("snapshots.every", text, EVERY)?),
        };
        Ok(SnapshotPlan {
            dir: self.dir.map_or_else(|| data_dir.join("backups"), |dir| base.join(dir)),
            every,
            keep,
            max_age: duration("snapshots.max_age", self.max_age.as_deref(), MAX_AGE)?,
        })
    }
}

/// Whose state is kept.
pub struct Source {
    pub node: NodeId,
    pub replica: Replica,
    pub clock: Clock,
}

impl Source {
    /// `None` before the cluster is initialised.
    pub fn backup(&self, view: &View) -> Option<Backup> {
        let status = self.replica.status();
        let members = status.members.into_iter().map(|member| (member.peer.node, member.peer.address));
        let taken = TakenAt {
            node: self.node,
            members: members.collect(),
            index: view.index,
            term: status.term,
            time: self.clock.wall(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
        };
        Backup::of(&view.state, taken)
    }
}

/// Until `stopped`.
pub async fn run(plan: SnapshotPlan, source: Source, mut stopped: watch::Receiver<bool>) {
    let Some(every) = plan.every else { return };
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        let Some(backup) = source.backup(&source.replica.read_stale()) else { continue };
        if last.as_ref() == Some(&backup.head.digest) {
            continue;
        }
        let digest = backup.head.digest.clone();
        let (plan, now) = (plan.clone(), source.clock.wall());
        let kept = tokio::task::spawn_blocking(move || keep(&plan, &backup, now)).await;
        match kept {
            Ok(Ok(file)) => {
                info!(file = %file.display(), "a snapshot is kept");
                last = Some(digest);
            }
            Ok(Err(error)) => warn!(error = format!("{error:#}"), "no snapshot is kept"),
            Err(error) => warn!(%error, "no snapshot is kept"),
        }
    }
}

/// Writes a file whole or not at all, and removes those that are too many or too old.
fn keep(plan: &SnapshotPlan, backup: &Backup, now: Timestamp) -> anyhow::Result<PathBuf> {
    let shown = plan.dir.display();
    fs::create_dir_all(&plan.dir).with_context(|| format!("snapshots.dir: making {shown}"))?;
    let file = plan.dir.join(name(backup.head.taken_at));
    write(&file, &backup.encode()).with_context(|| format!("writing {}", file.display()))?;
    prune(plan, now).with_context(|| format!("removing old snapshots of {shown}"))?;
    Ok(file)
}

fn write(file: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = file.with_extension("part");
    {
        use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
        let mut out =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        out.write_all(content)?;
        out.sync_all()?;
    }
    fs::rename(&unfinished, file)?;
    fs::File::open(file.parent().unwrap_or(Path::new(".")))?.sync_all()
}

fn prune(plan: &SnapshotPlan, now: Timestamp) -> io::Result<()> {
    let mut files: Vec<(Timestamp, PathBuf)> = Vec::new();
    for entry in fs::read_dir(&plan.dir)? {
        let path = entry?.path();
        if let Some(taken) = path.file_name().and_then(|name| taken_at(&name.to_string_lossy())) {
            files.push((taken, path));
        }
    }
    files.sort();
    files.reverse();
    let max_age = u64::try_from(plan.max_age.as_millis()).unwrap_or(u64::MAX);
    for (place, (taken, path)) in files.into_iter().enumerate() {
        let is_old = now.0.saturating_sub(taken.0) > max_age;
        if place > 0 && (place >= plan.keep || is_old) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// In the order of time, and readable: `20261123T005949.123Z.snapshot`.
fn name(taken: Timestamp) -> String {
    let time = std::time::UNIX_EPOCH + Duration::from_millis(taken.0);
    let text = humantime::format_rfc3339_millis(time).to_string();
    format!("{}.snapshot", text.replace(['-', ':'], ""))
}

/// Of a file that this module wrote.
fn taken_at(name: &str) -> Option<Timestamp> {
    let text = name.strip_suffix(".snapshot")?;
    let (day, time) = text.split_once('T')?;
    let part = |text: &str, range: std::ops::Range<usize>| text.get(range).map(str::to_owned);
    let day = format!("{}-{}-{}", part(day, 0..4)?, part(day, 4..6)?, part(day, 6..8)?);
    let time = format!("{}:{}:{}", part(time, 0..2)?, part(time, 2..4)?, time.get(4..)?);
    let parsed = humantime::parse_rfc3339(&format!("{day}T{time}")).ok()?;
    let since = parsed.duration_since(std::time::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok().map(Timestamp)
}

#[cfg(test)]
mod tests {
    use asterism_model::{ClusterId, Command, NetworkState, Operation};

    use super::*;

    const HOUR: u64 = 3_600_000;
    const START: u64 = 1_790_000_000_123;

    fn backup(hour: u64) -> Backup {
        let mut state = NetworkState::default();
        let operation = Operation::InitCluster { cluster: ClusterId(7), name: "c".parse().unwrap() };
        state.apply(&Command { caller: None, request: None, at: Timestamp(1), operation });
        let taken = TakenAt {
            node: NodeId(1),
            members: [].into(),
            index: 1,
            term: 1,
            time: Timestamp(START + hour * HOUR),
            program: "1".to_owned(),
        };
        Backup::of(&state, taken).unwrap()
    }

    fn plan(dir: &Path, keep: usize, hours: u64) -> SnapshotPlan {
        let max_age = Duration::from_millis(hours * HOUR);
        SnapshotPlan { dir: dir.join("backups"), every: None, keep, max_age }
    }

    /// Which of the files, taken hourly, are left.
    fn left(plan: &SnapshotPlan, hours: u64) -> Vec<u64> {
        for hour in 0..hours {
            let backup = backup(hour);
            keep(plan, &backup, backup.head.taken_at).unwrap();
        }
        let files = fs::read_dir(&plan.dir).unwrap().map(|file| file.unwrap().file_name());
        let mut left: Vec<u64> =
            files.map(|file| (taken_at(&file.to_string_lossy()).unwrap().0 - START) / HOUR).collect();
        left.sort_unstable();
        left
    }

    #[test]
    fn the_newest_are_kept_by_count_and_by_age() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(left(&plan(dir.path(), 3, 100), 6), [3, 4, 5]);
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(left(&plan(dir.path(), 10, 1), 6), [4, 5]);
    }

    #[test]
    fn the_last_one_stays_however_old_and_files_of_others_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let plan = plan(dir.path(), 3, 1);
        fs::create_dir_all(&plan.dir).unwrap();
        fs::write(plan.dir.join("notes.txt"), "mine").unwrap();
        keep(&plan, &backup(0), Timestamp(START + 500 * HOUR)).unwrap();
        assert_eq!(fs::read_dir(&plan.dir).unwrap().count(), 2);
    }

    #[test]
    fn a_file_is_what_inspect_and_restore_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = keep(&plan(dir.path(), 3, 1), &backup(0), Timestamp(START)).unwrap();
        assert_eq!(Backup::decode(&fs::read(file).unwrap()).unwrap(), backup(0));
    }

    #[test]
    fn a_bad_plan_names_its_key() {
        let check =
            |raw: RawSnapshots| raw.check(Path::new("/etc"), Path::new("/var")).unwrap_err().to_string();
        let keep = RawSnapshots { keep: Some(0), ..RawSnapshots::default() };
        assert!(check(keep).starts_with("snapshots.keep: 0 keeps none"));
        let every = RawSnapshots { every: Some("soon".into()), ..RawSnapshots::default() };
        assert!(check(every).starts_with("snapshots.every: `soon` is not a duration"));
    }
}
