//! What can go wrong in the laboratory, by name.
//!
//! A variant exists where a caller acts differently or a reader needs other words; the cause stays in `source`.

use std::io;
use std::time::Duration;

use crate::sandbox::SandboxError;

/// Every way in which a laboratory operation fails.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The XAPI of a pool.
    #[error("{what}")]
    Xapi {
        what: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The process is not inside the sandbox, so nothing was touched.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),

    /// A helper program ended with a failure.
    #[error("{doing}: `{command}` ended with {status}: {stderr}")]
    Command { doing: String, command: String, status: String, stderr: String },

    /// A helper program did not end in time, and was killed.
    #[error("{doing}: `{command}` did not end within {deadline:?}")]
    CommandDeadline { doing: String, command: String, deadline: Duration },

    /// A state that was waited for did not come.
    #[error("{what}: not within {deadline:?}; last seen: {last}")]
    Deadline { what: String, deadline: Duration, last: String },

    /// A name that the laboratory does not know.
    #[error("no {kind} named {name}; there are: {known}")]
    Unknown { kind: &'static str, name: String, known: String },

    /// A name or size outside of what the address plan holds.
    #[error("{what}")]
    Invalid { what: String },

    /// The operation does not fit the state that the thing is in.
    #[error("{what} is {state}: {hint}")]
    WrongState { what: String, state: String, hint: &'static str },

    /// A system call or file operation failed.
    #[error("{doing}")]
    Io {
        doing: String,
        #[source]
        source: io::Error,
    },

    /// Certificates could not be made.
    #[error("{doing}")]
    Certificate {
        doing: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// What a program printed could not be understood.
    #[error("{what}: {problem}")]
    Unreadable { what: String, problem: String },
}

/// Result of laboratory operations.
pub type Result<T, E = LabError> = std::result::Result<T, E>;

impl LabError {
    /// An I/O failure, with what was being done.
    pub fn io(doing: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self::Io { doing: doing.into(), source: source.into() }
    }

    /// The whole chain of causes in one line, for reports that have one line.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(next) = cause {
            text.push_str(": ");
            text.push_str(&next.to_string());
            cause = next.source();
        }
        text
    }
}
