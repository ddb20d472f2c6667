//! A long-lived child process: started in a namespace with a log file, signalled, killed, asked whether it lives.
//!
//! Dropping it kills it: no daemon outlives the thing that it belongs to.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::error::{LabError, Result};
use crate::netns::Netns;
use crate::tool::{describe, spawn, wait_for_exit};

/// A running (or just ended) daemon.
#[derive(Debug)]
pub struct Daemon {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts `command` in `netns`; what it prints goes to the end of `log`.
    ///
    /// # Errors
    /// When the log cannot be opened or the program not be started.
    pub fn start(name: impl Into<String>, mut command: Command, netns: &Netns, log: &Path) -> Result<Self> {
        let name = name.into();
        let doing = format!("starting {name}: `{}`", describe(&command));
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .map_err(|source| LabError::io(format!("opening {}", log.display()), source))?;
        let both = file.try_clone().map_err(|source| LabError::io(doing.clone(), source))?;
        command.stdin(Stdio::null()).stdout(file).stderr(both);
        let child = spawn(&mut command, Some(netns)).map_err(|source| LabError::io(doing, source))?;
        Ok(Self { name, child, log: log.to_owned() })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The exit status if it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// # Errors
    /// When it has ended already.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        let doing = format!("sending {signal} to {}", self.name);
        if let Some(status) = self.ended() {
            let what = self.name.clone();
            return Err(LabError::WrongState {
                what,
                state: format!("ended ({status})"),
                hint: "start it first",
            });
        }
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).map_err(|errno| LabError::io(doing, errno))
    }

    /// `kill -9`, and waits until the process is gone. Quiet when it is gone already.
    pub fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Asks it to end (SIGTERM) and gives its exit status.
    ///
    /// # Errors
    /// [`LabError::Deadline`] when it is still there then; it is left running.
    pub fn stop(&mut self, deadline: Duration) -> Result<ExitStatus> {
        self.signal(Signal::SIGTERM)?;
        wait_for_exit(&mut self.child, deadline)
            .map_err(|source| LabError::io(format!("waiting for {} to end", self.name), source))?
            .ok_or_else(|| LabError::Deadline {
                what: format!("{} ends after SIGTERM", self.name),
                deadline,
                last: "still running".into(),
            })
    }

    /// The last lines of its log, for error messages.
    pub fn log_tail(&self, lines: usize) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let all: Vec<_> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}
