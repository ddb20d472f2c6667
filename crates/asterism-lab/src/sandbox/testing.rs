//! Ordinary `#[test]` functions whose bodies run inside a sandbox of their own.
//!
//! The outer half of such a test starts its own test binary again, in the sandbox, for this one test; the inner half
//! runs the body. A system that cannot run the laboratory is said loudly, and is a failure where `CI` is set.

use std::path::PathBuf;
use std::process::Command;

use super::{SandboxError, check, require};

/// What became of the outer half of a test.
#[derive(Debug, PartialEq, Eq)]
pub enum Isolation {
    /// We are inside: the caller runs the body now.
    RunBodyNow,
    /// The body ran in the sandbox, and passed.
    Passed,
    /// This system cannot run it; said loudly on stderr.
    CannotRunHere,
}

/// Runs the test named `test` (its path in the test binary) in a sandbox; see [`crate::in_sandbox`].
/// `program` is the `asterism-lab` binary, found beside the test binary when `None`.
///
/// # Panics
/// When the body fails, and, with `CI` set, when this system cannot run it: a test that did not run must not look green.
pub fn run_isolated(test: &str, program: Option<&str>) -> Isolation {
    if require().is_ok() {
        return Isolation::RunBodyNow;
    }
    let problems: Vec<String> = check().into_iter().filter_map(|finding| finding.problem).collect();
    if !problems.is_empty() {
        cannot_run(test, &problems.join("\n"));
        return Isolation::CannotRunHere;
    }
    let program = match program.map(PathBuf::from).map_or_else(lab_program, Ok) {
        Ok(program) => program,
        Err(error) => {
            cannot_run(test, &error.to_string());
            return Isolation::CannotRunHere;
        }
    };
    let own = std::env::current_exe().expect("a running test has an executable");
    let status = Command::new(program)
        .args(["internal", "sandbox", "--"])
        .arg(own)
        .args([test, "--exact", "--nocapture"])
        .status()
        .expect("the laboratory's program starts");
    assert!(status.success(), "{test} failed inside the sandbox ({status}); see its output above");
    Isolation::Passed
}

/// Says loudly that a test did not run, and why.
///
/// # Panics
/// With `CI` set: there, a test that did not run is a failed one.
pub fn cannot_run(test: &str, why: &str) {
    let banner = format!("\n!!!! {test} DID NOT RUN.\n!!!! {why}\n");
    assert!(std::env::var_os("CI").is_none(), "{banner}");
    eprintln!("{banner}");
}

/// The `asterism-lab` program: `ASTERISM_LAB_BIN`, or the one in the target directory that this executable came from.
fn lab_program() -> Result<PathBuf, SandboxError> {
    if let Some(path) = std::env::var_os("ASTERISM_LAB_BIN") {
        return Ok(path.into());
    }
    let own = std::env::current_exe().map_err(SandboxError::io("finding the own executable"))?;
    let mut dirs = own.ancestors().skip(1).take(2); // target/<profile>/deps/x or target/<profile>/x
    dirs.find_map(|dir| Some(dir.join("asterism-lab")).filter(|file| file.is_file())).ok_or_else(|| {
        let wanted = own.with_file_name("asterism-lab");
        SandboxError::NoProgram { wanted: wanted.display().to_string() }
    })
}

/// Runs a closure returning `Result<(), impl Debug>` as the body of the `#[test]` that it stands in, inside a sandbox.
///
/// ```ignore
/// #[test]
/// fn pings_cross() {
///     asterism_lab::in_sandbox!(|| { let lab = Lab::builder().hosts(2).build()?; ... Ok(()) });
/// }
/// ```
#[macro_export]
macro_rules! in_sandbox {
    ($body:expr) => {
        $crate::in_sandbox!($body, None)
    };
    ($body:expr, $program:expr) => {{
        fn here() {}
        let path = ::std::any::type_name_of_val(&here);
        // crate::module::test::here -> module::test, which is how the test harness calls it
        let test = path.split_once("::").map_or(path, |(_, rest)| rest).trim_end_matches("::here");
        match $crate::sandbox::run_isolated(test, $program) {
            $crate::sandbox::Isolation::RunBodyNow => {
                let body: fn() -> ::std::result::Result<(), $crate::LabError> = $body;
                if let Err(error) = body() {
                    panic!("{}", error.chain());
                }
            }
            $crate::sandbox::Isolation::Passed | $crate::sandbox::Isolation::CannotRunHere => {}
        }
    }};
}
