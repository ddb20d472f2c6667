//! The sandbox: who may enter, what it hides, and that nothing outlives it.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use asterism_lab::sandbox::cannot_run;
use asterism_lab::wait::until;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

const LAB: &str = env!("CARGO_BIN_EXE_asterism-lab");
const SOON: Duration = Duration::from_secs(10);

fn possible() -> bool {
    let problems: Vec<_> =
        asterism_lab::sandbox::check().into_iter().filter_map(|finding| finding.problem).collect();
    if !problems.is_empty() {
        cannot_run("a test of the sandbox", &problems.join("\n"));
    }
    problems.is_empty()
}

/// Starts a sandbox with two sleeping processes in it, one of them orphaned; `mark` is in their command lines.
fn sleeping(mark: &str) -> Child {
    let script = format!("(setsid sh -c 'sleep 600; : {mark}' &) ; echo ready; sleep 600; : {mark}");
    let mut child = Command::new(LAB)
        .args(["internal", "sandbox", "--", "sh", "-c", &script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    assert!(running(mark).len() >= 3, "the outer process, the shell and the orphan");
    child
}

/// Pids of this machine whose command line holds `mark`.
fn running(mark: &str) -> Vec<String> {
    let pids =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    let has_mark = |pid: &String| {
        fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(mark))
    };
    pids.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).filter(has_mark).collect()
}

fn wait_until_gone(mark: &str) {
    until("every process of the sandbox is gone", SOON, || match running(mark) {
        left if left.is_empty() => Ok(()),
        left => Err(format!("still there: {left:?}")),
    })
    .unwrap();
}

#[test]
fn nothing_outlives_a_sandbox_whose_outer_process_is_killed() {
    if !possible() {
        return;
    }
    let mut child = sleeping("mark-of-the-killed");
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until_gone("mark-of-the-killed");
}

#[test]
fn ctrl_c_ends_everything_and_is_reported_as_such() {
    if !possible() {
        return;
    }
    let mut child = sleeping("mark-of-the-interrupted");
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130), "{status:?} {:?}", status.signal());
    wait_until_gone("mark-of-the-interrupted");
}

#[test]
fn the_exit_code_of_the_program_inside_comes_out() {
    if !possible() {
        return;
    }
    let status =
        Command::new(LAB).args(["internal", "sandbox", "--", "sh", "-c", "exit 7"]).status().unwrap();
    assert_eq!(status.code(), Some(7));
}

#[test]
fn the_network_and_processes_of_the_machine_are_out_of_sight() {
    if !possible() {
        return;
    }
    let seen = "ip -o link | wc -l; ls -d /proc/[0-9]* | wc -l; ls /run";
    let output = Command::new(LAB).args(["internal", "sandbox", "--", "sh", "-c", seen]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "1", "loopback alone: {text}");
    assert!(lines[1].parse::<usize>().unwrap() < 10, "{text}");
    assert_eq!(&lines[2..], ["asterism-lab.sandbox", "netns"]);
}

#[test]
fn nothing_can_be_built_outside_of_the_sandbox() {
    let error = asterism_lab::Lab::builder().build().unwrap_err().to_string();
    assert!(error.starts_with("not inside the laboratory's sandbox"), "{error}");
}

/// Runs a sandboxed `id -u; ip link add ...` as nobody, with a `/dev/net/tun` of the given mode.
fn as_nobody(tun_mode: &str) -> Option<Output> {
    if !geteuid().is_root() {
        cannot_run(
            "a test as nobody",
            "only root can become somebody else; an ordinary user runs every other test as one anyway",
        );
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("asterism-lab"); // the target directory may be out of nobody's reach
    fs::copy(LAB, &copy).unwrap();
    fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let script = format!(
        "mount -t tmpfs none /dev/net && mknod -m {tun_mode} /dev/net/tun c 10 200 && \
         exec setpriv --reuid=65534 --regid=65534 --clear-groups {} internal sandbox -- \
         sh -c 'id -u && ip netns add x && ip -n x link add bridge0 type bridge && ip tuntap add t mode tap && echo fine'",
        copy.display()
    );
    Some(Command::new("unshare").args(["--mount", "sh", "-c", &script]).current_dir("/").output().unwrap())
}

#[test]
fn an_ordinary_user_may_do_all_that_the_laboratory_needs() {
    let Some(output) = as_nobody("666") else { return };
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "0\nfine\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn an_ordinary_user_without_tun_is_told_what_to_do() {
    let Some(output) = as_nobody("600") else { return };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("sudo chmod 666 /dev/net/tun"), "{said}");
}
