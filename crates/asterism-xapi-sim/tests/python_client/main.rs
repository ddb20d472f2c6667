//! The official Python client of XAPI, driven against the simulator: over HTTP as in a laboratory.
//!
//! `scripts/xenapi-client.sh` installs it, pinned, into the build directory. Where that cannot be done the test says so
//! loudly, and fails if `CI` is set; `make test` installs it first, and fails if that fails.

#![allow(clippy::unwrap_used)]

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use asterism_xapi_sim::{HostSpec, Listen, PoolSpec, RecordingAgent, Simulator, Version};

#[test]
fn the_official_python_client_is_satisfied() {
    let Some(python) = python() else { return };
    for version in Version::ALL {
        drive(&python, version);
    }
}

fn drive(python: &str, version: Version) {
    let simulator = start(version);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python_client/drive.py");
    let mut client = Command::new(python)
        .arg(script)
        .args([simulator.url("h2"), simulator.url("h1")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = Vec::new();
    for line in BufReader::new(client.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if line == "expire" {
            simulator.expire_sessions();
            writeln!(client.stdin.as_ref().unwrap()).unwrap();
        }
        said.push(line);
    }
    let mut complaint = String::new();
    client.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert!(client.wait().unwrap().success(), "the client of version {version} ended with\n{complaint}");
    assert_eq!(said, ["expire", "done"]);
    let logins = simulator.calls().into_iter().filter(|call| call.method == "session.login_with_password");
    assert_eq!(
        logins.count(),
        4,
        "refused by a slave, refused for the password, let in, and again after the end"
    );
}

fn start(version: Version) -> Simulator {
    let hosts = (1..=3_u8).map(|number| {
        let address = [127, 0, 7, number].into();
        HostSpec::new(&format!("h{number}"), address)
            .with_interface("eth0", Some((address, 24)))
            .with_interface("eth1", Some(([10, 1, 0, number].into(), 24)))
    });
    let spec = PoolSpec { version, ..PoolSpec::new("pool-a", hosts.collect()) };
    Simulator::start(spec, Arc::new(RecordingAgent::default()), Listen::http(0)).unwrap()
}

/// The Python that has the client.
fn python() -> Option<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/xenapi-client.sh");
    let output = Command::new(script).arg(env!("CARGO_TARGET_TMPDIR")).output().unwrap();
    if output.status.success() {
        return Some(String::from_utf8(output.stdout).unwrap().trim().to_owned());
    }
    let why = String::from_utf8_lossy(&output.stderr);
    let banner =
        format!("\n!!!! the official Python client WAS NOT DRIVEN: it cannot be installed.\n!!!! {why}\n");
    assert!(std::env::var_os("CI").is_none(), "{banner}");
    eprintln!("{banner}");
    None
}
