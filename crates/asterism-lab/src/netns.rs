//! Network namespaces: made by `ip netns` (so that its other commands see them), entered by threads of our own.
//!
//! A thread that enters a namespace ends with the closure that it was made for, so no thread of the caller ever
//! changes its namespace.

use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use nix::sched::{CloneFlags, setns};

use crate::error::{LabError, Result};
use crate::tool::Tool;

/// A network namespace of the sandbox, by its name under `/run/netns`. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Netns {
    name: Arc<str>,
    file: Arc<File>,
}

impl Netns {
    /// Makes a namespace with loopback up and IPv6 off (so that nothing but what was asked for is on the wire).
    ///
    /// # Errors
    /// When `ip netns add` refuses, as for a name that is taken.
    pub fn create(name: &str) -> Result<Self> {
        Tool::new("ip").args(["netns", "add", name]).run(format!("making namespace {name}"))?;
        let path = Path::new("/run/netns").join(name);
        let file = File::open(&path)
            .map_err(|source| LabError::io(format!("opening namespace {}", path.display()), source))?;
        let netns = Self { name: name.into(), file: Arc::new(file) };
        netns.quieten().map_err(|source| LabError::io(format!("setting up namespace {name}"), source))?;
        netns.ip("bringing up loopback", "link set lo up\n")?;
        Ok(netns)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `work` on a thread of its own inside this namespace. What it starts and opens stays there.
    ///
    /// # Errors
    /// When the namespace cannot be entered.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        thread::scope(|scope| {
            scope
                .spawn(|| {
                    setns(&*self.file, CloneFlags::CLONE_NEWNET).map_err(io::Error::from)?;
                    Ok(work())
                })
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Runs lines of `ip -batch` inside.
    ///
    /// # Errors
    /// The first line that fails, as `ip` words it.
    pub fn ip(&self, doing: &str, lines: impl Into<String>) -> Result<()> {
        Tool::new("ip")
            .args(["-n", &self.name, "-batch", "-"])
            .input(lines)
            .run(format!("{doing} in {}", self.name))
            .map(drop)
    }

    /// Whether an interface of this name exists inside.
    pub fn has_interface(&self, interface: &str) -> bool {
        // /sys is that of another namespace; /proc/thread-self/net follows the thread.
        let listed = self.enter(|| std::fs::read_to_string("/proc/thread-self/net/dev"));
        let Ok(Ok(text)) = listed else { return false };
        text.lines().any(|line| line.trim_start().split(':').next() == Some(interface))
    }

    /// Sends one ping and says whether the answer came within a second.
    ///
    /// # Errors
    /// When `ping` cannot be run.
    pub fn ping(&self, to: IpAddr) -> Result<bool> {
        let output = Tool::new("ping")
            .args(["-n", "-q", "-c", "1", "-W", "1", &to.to_string()])
            .inside(self)
            .output(format!("pinging {to} from {}", self.name))?;
        Ok(output.status.success())
    }

    /// Takes the name away; the namespace goes when its last process and file are gone.
    ///
    /// # Errors
    /// When `ip netns del` refuses.
    pub fn remove(self) -> Result<()> {
        Tool::new("ip")
            .args(["netns", "del", &self.name])
            .run(format!("removing namespace {}", self.name))
            .map(drop)
    }

    fn quieten(&self) -> io::Result<()> {
        self.enter(|| {
            for scope in ["all", "default"] {
                let path = format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6");
                match std::fs::write(&path, "1") {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {} // a kernel without IPv6
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        })?
    }
}
