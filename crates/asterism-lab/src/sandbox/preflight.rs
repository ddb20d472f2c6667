//! What the sandbox needs from the system, and what to say when it is not there.
//!
//! Looks only; [`check`] is what `asterism-lab check` prints.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::geteuid;

use super::SandboxError;

/// Programs that the laboratory runs, with the Debian package that brings each.
const PROGRAMS: &[(&str, &str)] = &[
    ("ovsdb-server", "openvswitch-switch"),
    ("ovs-vswitchd", "openvswitch-switch"),
    ("ovs-vsctl", "openvswitch-switch"),
    ("ovs-appctl", "openvswitch-switch"),
    ("ovsdb-tool", "openvswitch-switch"),
    ("ovsdb-client", "openvswitch-switch"),
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("ethtool", "ethtool"),
    ("ping", "iputils-ping"),
    ("nsenter", "util-linux"),
];

/// Where system programs stand even if the user's PATH lacks the sbin directories.
const PLACES: &[&str] = &["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin"];

/// sysctls that forbid user namespaces to ordinary users: (key, the value that forbids, the value that allows).
const SYSCTLS: &[(&str, &str, &str)] = &[
    ("user.max_user_namespaces", "0", "15000"),
    ("kernel.unprivileged_userns_clone", "0", "1"),
    ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
];

/// One thing that the laboratory needs, and whether it is there.
#[derive(Debug)]
pub struct Finding {
    pub need: &'static str,
    /// What is wrong and what to do about it; `None` when all is well.
    pub problem: Option<String>,
}

/// Looks at everything that can be seen from outside of the sandbox.
pub fn check() -> Vec<Finding> {
    let refusal = (!geteuid().is_root()).then(forbidding_sysctl).flatten();
    vec![
        Finding { need: "programs", problem: require_programs().err().map(|error| error.to_string()) },
        Finding {
            need: "user namespaces",
            problem: refusal.map(|(evidence, remedy)| format!("{evidence}. {remedy}")),
        },
        Finding { need: "/dev/net/tun", problem: require_tun().err().map(|error| error.to_string()) },
    ]
}

pub(super) fn require_programs() -> Result<(), SandboxError> {
    let missing: Vec<_> = PROGRAMS.iter().filter(|(program, _)| find(program).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut packages: Vec<_> = missing.iter().map(|(_, package)| *package).collect();
    packages.dedup();
    let programs: Vec<_> = missing.iter().map(|(program, _)| *program).collect();
    Err(SandboxError::MissingPrograms { programs: programs.join(", "), packages: packages.join(" ") })
}

pub(super) fn require_tun() -> Result<(), SandboxError> {
    let remedy_for = |source: &io::Error| {
        if source.kind() == io::ErrorKind::PermissionDenied {
            "Distributions ship it open to all users: `sudo chmod 666 /dev/net/tun`, or run as root."
        } else {
            "Load the kernel's module: `sudo modprobe tun` (in a container: pass --device /dev/net/tun)."
        }
    };
    match OpenOptions::new().read(true).write(true).open("/dev/net/tun") {
        Ok(_) => Ok(()),
        Err(source) => Err(SandboxError::Tun { remedy: remedy_for(&source), source }),
    }
}

/// `unshare` was refused: find out by whom.
pub(super) fn explain_refusal(errno: Errno) -> SandboxError {
    refused(errno.into(), "unshare(2)")
}

/// The identity map was refused: some systems allow the namespace and take its powers away.
pub(super) fn explain_map(file: &str, source: io::Error) -> SandboxError {
    refused(source, &format!("writing /proc/self/{file}"))
}

fn refused(source: io::Error, call: &str) -> SandboxError {
    let who = if geteuid().is_root() { "this container's root" } else { "ordinary users" }.to_owned();
    let (evidence, remedy) = forbidding_sysctl().unwrap_or_else(|| {
        let evidence = format!("{call}: {source}");
        (evidence, "Run as root; in a container, as `docker run --privileged`.".to_owned())
    });
    SandboxError::NamespacesRefused { who, evidence, remedy }
}

fn forbidding_sysctl() -> Option<(String, String)> {
    SYSCTLS.iter().find_map(|(key, forbids, allows)| {
        let path = Path::new("/proc/sys").join(key.replace('.', "/"));
        let value = fs::read_to_string(path).ok()?;
        let value = value.trim();
        (value == *forbids).then(|| {
            (
                format!("{key} = {value}"),
                format!("Allow it with `sudo sysctl -w {key}={allows}`, or run as root."),
            )
        })
    })
}

/// The user's PATH, and behind it the places where system programs stand.
pub(super) fn search_path() -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let system = PLACES.iter().map(PathBuf::from).filter(|place| !own.contains(place));
    let all: Vec<PathBuf> = own.iter().cloned().chain(system).collect();
    // Only a PATH that cannot be split can fail to be joined; then it is used as it is.
    std::env::join_paths(all).unwrap_or(path)
}

fn find(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&search_path()).map(|dir| dir.join(program)).find(|file| file.is_file())
}
