//! Why the sandbox cannot be entered, with what to do about it.

use std::io;

use nix::errno::Errno;

/// Each message says what was refused and the command that would allow it.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Something that changes the network was called outside of the sandbox.
    #[error(
        "not inside the laboratory's sandbox: call asterism_lab::sandbox::enter() first thing in main(); \
         nothing was touched"
    )]
    NotInside,

    #[error("programs are missing: {programs}. Install them with:\n    apt-get install -y {packages}")]
    MissingPrograms { programs: String, packages: String },

    #[error("this system does not let {who} make user namespaces ({evidence}). {remedy}")]
    NamespacesRefused { who: String, evidence: String, remedy: String },

    #[error(
        "/dev/net/tun cannot be opened ({source}), and Open vSwitch needs it for a bridge's own port. {remedy}"
    )]
    Tun { source: io::Error, remedy: &'static str },

    #[error("the process that started the sandbox is gone")]
    WardenGone,

    /// The socket through which others reach this laboratory cannot be had.
    #[error("{what}")]
    Socket { what: String },

    #[error("{doing}")]
    System {
        doing: String,
        #[source]
        source: io::Error,
    },

    /// The program that a sandboxed test runs through is not built.
    #[error(
        "no program {wanted}: build it with `cargo build -p asterism-lab`, or name it in ASTERISM_LAB_BIN"
    )]
    NoProgram { wanted: String },
}

impl SandboxError {
    pub(super) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::System { doing, source }
    }

    pub(super) fn sys(doing: impl Into<String>) -> impl FnOnce(Errno) -> Self {
        let make = Self::io(doing);
        move |errno| make(errno.into())
    }
}
