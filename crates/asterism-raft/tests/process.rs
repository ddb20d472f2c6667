//! A replica in a process of its own, on the real disk: killed while it writes, and on a disk that fills up.
//!
//! The test starts its own program again as the replica: `process child <verb> <dir>`. The child says on standard
//! output what it was promised, a line each.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // in tests, and in what helps them

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdout, Command, ExitCode, Stdio},
    sync::Arc,
    time::Duration,
};

use asterism_model::{ClusterId, Name, NetworkChange, NodeId, Operation, Reply, Timestamp};
use asterism_raft::{PlainPeers, ProposeError, Replica, ReplicaConfig};
use libtest_mimic::{Arguments, Failed, Trial};

const ADDRESS: &str = "127.0.0.1:7400"; // written down, never used: the replica is alone
const DEADLINE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let words: Vec<String> = env::args().collect();
    if let [_, child, verb, dir] = &words[..]
        && child == "child"
    {
        return run_child(verb, Path::new(dir));
    }
    let trials = vec![
        Trial::test("what_was_acknowledged_survives_a_kill_at_any_moment", kill_while_writing),
        Trial::test("a_full_disk_stops_the_replica_with_a_sentence_and_loses_nothing", fill_the_disk),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Lives one after another on the same directory, each killed after a few more promises than the one before.
fn kill_while_writing() -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    let mut promised = 0;
    for life in 0..6 {
        let (mut child, mut lines) = spawn(&mut child_command("write", dir.path()))?;
        let target = promised + 5 + life * 17;
        while promised < target {
            promised = next_number(&mut lines, "held", promised)?;
        }
        child.kill()?; // SIGKILL
        child.wait()?;
        // What it said before it died counts as well.
        while let Ok(further) = next_number(&mut lines, "held", promised) {
            promised = further;
        }
    }
    let held = count(dir.path())?;
    if held < promised {
        return Err(format!("{promised} were promised, and {held} are there").into());
    }
    Ok(())
}

/// A small file system of its own, in a mount namespace of its own; needs root, or namespaces for users.
fn fill_the_disk() -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    let script = r#"
        set -e
        mount -t tmpfs -o size=8m tmpfs "$1"
        set +e
        "$0" child fill "$1"; echo "exited $?"
        cat /dev/zero >"$1/ballast" 2>/dev/null
        "$0" child fill "$1"; echo "without space $?"
        set -e
        rm "$1/ballast"
        mount -o remount,size=200m "$1"
        "$0" child count "$1"
    "#;
    let mut command = private_mounts()?;
    command.args(["sh", "-c", script]);
    command.arg(env::current_exe()?).arg(dir.path());
    let output = command.stderr(Stdio::inherit()).output()?;
    let said = String::from_utf8(output.stdout)?;
    if !output.status.success() {
        return Err(format!("the script ended early:\n{said}").into());
    }
    let number = |word: &str| -> Result<u64, Failed> {
        let found = said.lines().rev().find_map(|line| line.strip_prefix(word)?.trim().parse().ok());
        found.ok_or_else(|| format!("no `{word}` in:\n{said}").into())
    };
    let (held, counted) = (number("held")?, number("counted")?);
    for word in ["exited", "without space"] {
        let exit = number(word)?;
        if exit != u64::from(STOPPED) {
            return Err(format!("{word} {exit}, and expected {STOPPED}:\n{said}").into());
        }
    }
    let sentence = said.lines().find_map(|line| line.strip_prefix("failed ")).ok_or("no sentence")?;
    if !sentence.contains("No space left on device") {
        return Err(format!("it said `{sentence}`").into());
    }
    if held == 0 || counted < held {
        return Err(format!("{held} were promised, and {counted} are there:\n{said}").into());
    }
    Ok(())
}

/// Runs a program among mounts of its own.
fn private_mounts() -> Result<Command, Failed> {
    let ways: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
    for way in ways {
        let mut command = Command::new("unshare");
        command.args(way);
        let tried = Command::new("unshare").args(way).arg("true").stderr(Stdio::null()).status();
        if tried.is_ok_and(|status| status.success()) {
            return Ok(command);
        }
    }
    Err("this test mounts a small file system: run it as root, or allow user namespaces (`unshare --user --mount`)".into())
}

fn count(dir: &Path) -> Result<u64, Failed> {
    let (mut child, mut lines) = spawn(&mut child_command("count", dir))?;
    let counted = next_number(&mut lines, "counted", 0)?;
    child.wait()?;
    Ok(counted)
}

fn child_command(verb: &str, dir: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["child", verb]).arg(dir);
    command
}

fn spawn(command: &mut Command) -> Result<(Child, BufReader<ChildStdout>), Failed> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let lines = BufReader::new(child.stdout.take().ok_or("no output")?);
    Ok((child, lines))
}

/// The number on the child's next line, which has to begin with `word` and not to go back.
fn next_number(lines: &mut BufReader<ChildStdout>, word: &str, least: u64) -> Result<u64, Failed> {
    let mut line = String::new();
    lines.read_line(&mut line)?;
    // A line that the kill cut short promises nothing.
    let whole = line.strip_suffix('\n').ok_or("the child ended")?;
    let number: u64 = whole.strip_prefix(word).ok_or_else(|| format!("it said `{whole}`"))?.trim().parse()?;
    if number < least { Err(format!("{number} after {least}").into()) } else { Ok(number) }
}

// The child.

/// As the daemon has it: the replica stopped by itself.
const STOPPED: u8 = 3;

fn run_child(verb: &str, dir: &Path) -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let replica = match start(dir).await {
            Ok(replica) => replica,
            Err(error) => {
                say(format_args!("failed {error:#}"));
                return ExitCode::from(STOPPED);
            }
        };
        match verb {
            "write" => write(&replica).await,
            "fill" => return fill(&replica).await,
            "count" => {
                let view = replica.read_linearizable(DEADLINE).await.unwrap();
                say(format_args!("counted {}", view.state.revision()));
                replica.shutdown().await;
            }
            other => panic!("no verb `{other}`"),
        }
        ExitCode::SUCCESS
    })
}

async fn start(dir: &Path) -> Result<Replica, Box<dyn Error>> {
    let data = dir.join("data");
    let mut config = ReplicaConfig::new(NodeId(1), "test".parse()?, data, ADDRESS.to_owned());
    // Often, so that kills meet snapshots as well.
    config.snapshot_every = 10;
    let replica = Replica::start(config, Arc::new(PlainPeers)).await?;
    let members = BTreeMap::from([(NodeId(1), ADDRESS.to_owned())]);
    replica.initialise(members, DEADLINE).await?;
    let init = Operation::InitCluster { cluster: ClusterId(1), name: "test".parse()? };
    replica.read_linearizable(DEADLINE).await?;
    replica.propose(init, None, Timestamp(1), DEADLINE).await?;
    Ok(replica)
}

async fn write(replica: &Replica) {
    loop {
        change(replica).await.unwrap();
    }
}

/// Large commands, until the disk is full, and small ones between them, which are counted.
async fn fill(replica: &Replica) -> ExitCode {
    let names = (0..20_000).map(|number| format!("pool-{number}").parse().unwrap()).collect();
    let removal = NetworkChange { remove_pools: names, ..NetworkChange::default() };
    let ballast = Operation::UpdateNetwork { network: "none".parse().unwrap(), change: removal };
    let proposing = async {
        loop {
            let ballasted = replica.propose(ballast.clone(), None, Timestamp(1), DEADLINE).await;
            if ballasted.is_err() || change(replica).await.is_err() {
                return;
            }
        }
    };
    tokio::time::timeout(DEADLINE, proposing).await.unwrap();
    let failed = tokio::time::timeout(DEADLINE, replica.failed()).await.unwrap();
    say(format_args!("failed {failed}"));
    let afterwards = change(replica).await.unwrap_err();
    assert!(matches!(afterwards, ProposeError::Stopped(_)), "{afterwards}");
    assert!(replica.read_linearizable(DEADLINE).await.is_err());
    replica.watch_leadership().wait_for(|known| !known.is_leader && known.leader.is_none()).await.unwrap();
    ExitCode::from(STOPPED)
}

/// Adds a pool or takes it away again: either raises the revision by one, without end.
async fn change(replica: &Replica) -> Result<(), ProposeError> {
    let name: Name = "pool".parse().unwrap();
    let exists = replica.read_stale().state.pool_named(&name).is_some();
    let operation =
        if exists { Operation::RemovePool { pool: name, force: false } } else { Operation::AddPool { name } };
    let proposed = replica.propose(operation, None, Timestamp(1), DEADLINE).await?;
    let Reply::Applied { revision, .. } = proposed.reply else { panic!("{proposed:?}") };
    say(format_args!("held {revision}"));
    Ok(())
}

fn say(line: std::fmt::Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}
