//! Running helper programs (`ip`, `ovs-vsctl`, `nft` ...) with a deadline, in a namespace, with errors that name them.
//!
//! Never runs a shell. Long-lived daemons are not started here but in [`crate::daemon`].

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{LabError, Result};
use crate::netns::Netns;

/// Time that a helper program may take: generous, since the machine may be building something meanwhile.
const DEADLINE: Duration = Duration::from_secs(40);

/// What a helper program left.
#[derive(Clone, Debug)]
pub struct Output {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// Exit code; 128 + signal when it was killed by one, as shells count.
    pub fn code(&self) -> i32 {
        use std::os::unix::process::ExitStatusExt;
        self.status.code().or_else(|| self.status.signal().map(|signal| 128 + signal)).unwrap_or(255)
    }
}

/// A helper program about to be run.
#[derive(Debug)]
pub struct Tool {
    command: Command,
    netns: Option<Netns>,
    stdin: Option<String>,
    deadline: Duration,
}

impl Tool {
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self { command: Command::new(program), netns: None, stdin: None, deadline: DEADLINE }
    }

    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    #[must_use]
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    #[must_use]
    pub fn current_dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Runs the program in this network namespace.
    #[must_use]
    pub fn inside(mut self, netns: &Netns) -> Self {
        self.netns = Some(netns.clone());
        self
    }

    /// Text that the program reads from its standard input.
    #[must_use]
    pub fn input(mut self, text: impl Into<String>) -> Self {
        self.stdin = Some(text.into());
        self
    }

    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Runs it and gives what it printed on standard output.
    ///
    /// # Errors
    /// [`LabError::Command`] when it fails, [`LabError::CommandDeadline`] when it takes too long.
    pub fn run(self, doing: impl Into<String>) -> Result<String> {
        let doing = doing.into();
        let command = describe(&self.command);
        let output = self.output(doing.clone())?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(LabError::Command {
            doing,
            command,
            status: output.status.to_string(),
            stderr: output.stderr.trim().to_owned(),
        })
    }

    /// Runs it, whatever its exit status.
    ///
    /// # Errors
    /// When it cannot be started, or does not end in time (it is killed then).
    pub fn output(mut self, doing: impl Into<String>) -> Result<Output> {
        let doing = doing.into();
        let text = describe(&self.command);
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command.stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = spawn(&mut self.command, self.netns.as_ref())
            .map_err(|source| LabError::io(format!("{doing}: starting `{text}`"), source))?;
        let writer = child.stdin.take().zip(self.stdin.take()).map(|(mut pipe, text)| {
            // A program that ends early closes the pipe: its status tells more than our write error.
            thread::spawn(move || drop(pipe.write_all(text.as_bytes())))
        });
        let stdout = child.stdout.take().map(collect);
        let stderr = child.stderr.take().map(collect);
        let Some(status) = wait_for_exit(&mut child, self.deadline)
            .map_err(|source| LabError::io(format!("{doing}: waiting for `{text}`"), source))?
        else {
            drop(child.kill());
            drop(child.wait());
            return Err(LabError::CommandDeadline { doing, command: text, deadline: self.deadline });
        };
        drop(writer.map(thread::JoinHandle::join));
        let joined = |reader: Option<thread::JoinHandle<String>>| {
            reader.and_then(|thread| thread.join().ok()).unwrap_or_default()
        };
        Ok(Output { status, stdout: joined(stdout), stderr: joined(stderr) })
    }
}

/// Starts a command, in a namespace where one is given.
pub(crate) fn spawn(command: &mut Command, netns: Option<&Netns>) -> std::io::Result<Child> {
    match netns {
        Some(netns) => netns.enter(|| command.spawn())?,
        None => command.spawn(),
    }
}

/// The command line, for messages.
pub(crate) fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Waits for a child without blocking past the deadline; `None` when that passed.
pub(crate) fn wait_for_exit(child: &mut Child, deadline: Duration) -> std::io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    let mut pause = Duration::from_micros(500);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() >= deadline {
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // A read error leaves what was read so far: the exit status decides.
        drop(pipe.read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_hangs_is_killed_and_named() {
        let error =
            Tool::new("sleep").arg("60").deadline(Duration::from_millis(20)).run("napping").unwrap_err();
        assert_eq!(error.to_string(), "napping: `sleep 60` did not end within 20ms");
    }

    #[test]
    fn a_failing_program_is_quoted_with_what_it_said() {
        let error = Tool::new("ls").arg("/nowhere/at/all").run("looking").unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("looking: `ls /nowhere/at/all` ended with exit status: 2"), "{text}");
        assert!(text.contains("No such file"), "{text}");
    }

    #[test]
    fn input_reaches_the_program() {
        assert_eq!(Tool::new("cat").input("hello").run("echoing").unwrap(), "hello");
    }
}
