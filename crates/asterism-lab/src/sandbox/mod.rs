//! The sandbox: fresh user, mount, pid, network, UTS and IPC namespaces around the whole laboratory.
//!
//! A program calls [`enter`] first thing in `main`. The process that the user started becomes a *warden* that only
//! waits; it starts itself again as pid 1 of the new namespaces (*init*: mounts, reaps), which starts itself again as the
//! program proper (*inside*). pid 1 is killed by the kernel with its warden, and everything else with pid 1: nothing
//! outlives the warden, however that ends, and nothing inside can reach the machine's own network.
//!
//! Never touches the machine: all mounts are private, `/run` is a fresh tmpfs.

mod error;
mod preflight;
mod testing;

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, getegid, geteuid, sethostname};

pub use error::SandboxError;
pub use preflight::{Finding, check};
pub use testing::{Isolation, cannot_run, run_isolated};

/// Which of the three processes this one is; unset in the one that the user started.
const STAGE: &str = "ASTERISM_LAB_STAGE";
/// pid 1 of the sandbox as the machine outside numbers it (what `nsenter -t` needs).
const OUTER_PID: &str = "ASTERISM_LAB_OUTER_PID";
/// Written by init on the sandbox's own `/run`: an environment variable alone would prove nothing.
const MARKER: &str = "/run/asterism-lab.sandbox";

/// What the program proper knows about the sandbox around it.
#[derive(Debug)]
pub struct Inside {
    /// pid 1 of the sandbox, in the pid namespace of whoever started the laboratory.
    pub init_pid_outside: u32,
    /// The socket of [`enter_with`], bound in the network namespace of the machine.
    pub control: Option<UnixListener>,
}

/// Puts the calling program into the sandbox: returns only inside of it, in a fresh process with the same arguments.
/// Call it before any thread is started.
///
/// # Errors
/// [`SandboxError`] names what is missing or forbidden and what to do about it.
pub fn enter() -> Result<Inside, SandboxError> {
    enter_with(|| Ok(None))
}

/// The same, taking a listening socket along that `bind` makes outside, in the network namespace of the machine.
///
/// # Errors
/// As [`enter`], and what `bind` says.
pub fn enter_with(
    bind: impl FnOnce() -> Result<Option<UnixListener>, SandboxError>,
) -> Result<Inside, SandboxError> {
    match std::env::var(STAGE).as_deref() {
        Ok("init") => {
            let error = match become_init() {
                Ok(status) => std::process::exit(exit_code(status)),
                Err(error) => error,
            };
            Err(error)
        }
        Ok("inside") => inside(),
        Ok(_) | Err(_) => {
            preflight::require_programs()?;
            let status = become_warden(bind()?)?;
            std::process::exit(exit_code(status))
        }
    }
}

/// Fails unless this process is inside the sandbox. Everything that changes interfaces or mounts asks this first.
///
/// # Errors
/// [`SandboxError::NotInside`].
pub fn require() -> Result<(), SandboxError> {
    let staged = std::env::var(STAGE).as_deref() == Ok("inside");
    if staged && Path::new(MARKER).exists() { Ok(()) } else { Err(SandboxError::NotInside) }
}

fn inside() -> Result<Inside, SandboxError> {
    require()?;
    // The warden's mask is inherited: daemons started from here must hear SIGTERM.
    SigSet::empty().thread_set_mask().map_err(SandboxError::sys("unblocking signals"))?;
    let pid = std::env::var(OUTER_PID).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    // The warden hands its listening socket over as standard input: descriptor passing without unsafe code.
    let control = io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .ok()
        .map(UnixListener::from)
        .filter(|listener| listener.local_addr().is_ok());
    Ok(Inside { init_pid_outside: pid, control })
}

/// Makes the namespaces, starts pid 1 in them and waits for it.
fn become_warden(control: Option<UnixListener>) -> Result<ExitStatus, SandboxError> {
    make_namespaces()?;
    let mask: SigSet =
        [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGCHLD].into_iter().collect();
    mask.thread_block().map_err(SandboxError::sys("blocking signals"))?;
    let stdin = control.map_or_else(Stdio::inherit, |listener| OwnedFd::from(listener).into());
    let mut child = again("init")
        .env(OUTER_PID, std::process::id().to_string())
        .stdin(stdin)
        .spawn()
        .map_err(SandboxError::io("starting pid 1 of the sandbox"))?;
    let mut caught = None;
    // No thread can be started between unshare(CLONE_NEWPID) and here, so signals are read one by one.
    loop {
        let signal = mask.wait().map_err(SandboxError::sys("waiting for signals"))?;
        if signal != Signal::SIGCHLD {
            caught = Some(signal);
            // pid 1 takes everything inside along. It can only be gone already.
            drop(child.kill());
        }
        if let Some(status) = child.try_wait().map_err(SandboxError::io("waiting for the sandbox"))? {
            return Ok(caught.map_or(status, |signal| ExitStatus::from_raw(signal as i32)));
        }
    }
}

/// As root: without a user namespace, unless the system forbids the rest (a container): then as an ordinary user.
fn make_namespaces() -> Result<(), SandboxError> {
    let rest = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC;
    let (uid, gid) = (geteuid(), getegid());
    if uid.is_root() && unshare(rest).is_ok() {
        return Ok(());
    }
    unshare(rest | CloneFlags::CLONE_NEWUSER).map_err(preflight::explain_refusal)?;
    let map = |file: &str, text: String| {
        fs::write(format!("/proc/self/{file}"), text).map_err(|source| preflight::explain_map(file, source))
    };
    map("setgroups", "deny".into())?;
    map("uid_map", format!("0 {uid} 1"))?;
    map("gid_map", format!("0 {gid} 1"))
}

/// pid 1: dies with the warden, prepares the mounts, starts the program proper and reaps whatever is orphaned.
fn become_init() -> Result<ExitStatus, SandboxError> {
    set_pdeathsig(Signal::SIGKILL).map_err(SandboxError::sys("tying pid 1 to its warden"))?;
    // This /proc is still that of the machine: its numbers are the ones that hold outside.
    let warden = std::env::var(OUTER_PID).unwrap_or_default();
    if !Path::new("/proc").join(&warden).exists() {
        return Err(SandboxError::WardenGone); // it died before the line above
    }
    let own = fs::read_link("/proc/self").map_err(SandboxError::io("reading /proc/self"))?;
    prepare_mounts()?;
    preflight::require_tun()?;
    let child = again("inside")
        .env(OUTER_PID, own)
        .spawn()
        .map_err(SandboxError::io("starting the program in the sandbox"))?;
    reap_until(Pid::from_raw(child.id().cast_signed()))
}

fn prepare_mounts() -> Result<(), SandboxError> {
    const NONE: Option<&str> = None;
    let step = |what: &'static str| SandboxError::sys(what);
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)
        .map_err(step("making mounts private"))?;
    let plain = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("proc"), "/proc", Some("proc"), plain | MsFlags::MS_NOEXEC, NONE)
        .map_err(step("mounting /proc (a container that masks /proc forbids this: run it --privileged)"))?;
    mount(Some("run"), "/run", Some("tmpfs"), plain, Some("mode=755")).map_err(step("mounting /run"))?;
    fs::create_dir_all("/run/netns").map_err(SandboxError::io("making /run/netns"))?;
    sethostname("asterism-lab").map_err(step("naming the sandbox"))?;
    fs::write(MARKER, "").map_err(SandboxError::io("marking the sandbox"))
}

fn reap_until(main: Pid) -> Result<ExitStatus, SandboxError> {
    loop {
        match waitpid(None, None) {
            Ok(WaitStatus::Exited(pid, code)) if pid == main => return Ok(ExitStatus::from_raw(code << 8)),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == main => {
                return Ok(ExitStatus::from_raw(signal as i32));
            }
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(SandboxError::sys("reaping")(errno)),
        }
    }
}

/// This very program once more, with the same arguments, as the given stage.
fn again(stage: &str) -> Command {
    let mut args = std::env::args_os();
    // By its path, so that it keeps its name in lists of processes; a file that was rebuilt meanwhile has none.
    let own = std::env::current_exe().ok().filter(|path| path.exists());
    let mut command = Command::new(own.unwrap_or_else(|| "/proc/self/exe".into()));
    command.arg0(args.next().unwrap_or_default()).args(args).env(STAGE, stage);
    command.env("PATH", preflight::search_path());
    command
}

fn exit_code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(255)
}
