//! The examples in `cluster-config/` are what the program takes, and say the truth about its defaults.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use asterism_model::NodeId;
use asterism_pki::{Outset, Subject};
use asterismd::{Config, clock::Clock};

/// Of one, three and five nodes.
const EXAMPLES: [&str; 6] =
    ["one-node.toml", "node1.toml", "node2.toml", "node3.toml", "node4.toml", "node5.toml"];

#[test]
fn the_examples_are_valid_with_the_certificates_that_a_cluster_starts_with() {
    let dir = cluster_config();
    for node in EXAMPLES {
        let output = Command::new(env!("CARGO_BIN_EXE_asterismd"))
            .args(["--check", "--config"])
            .arg(dir.path().join(node))
            .output()
            .unwrap();
        assert!(output.status.success(), "{node}: {}", error_of(&output));
    }
}

#[test]
fn what_stands_in_a_comment_is_the_default() {
    let dir = cluster_config();
    let example = dir.path().join("node1.toml");
    let text = fs::read_to_string(&example).unwrap();
    let as_it_stands = format!("{:?}", Config::load(&example).unwrap());
    let mut keys = 0;
    let spelt_out: String = text
        .lines()
        .take_while(|line| !line.starts_with("# [ovsdb.tls]"))
        .chain(text.lines().skip_while(|line| !line.starts_with("[secrets]")))
        .map(|line| match line.strip_prefix("# ").filter(|rest| is_key(rest)) {
            Some(key) => {
                keys += 1;
                format!("{key}\n")
            }
            None => format!("{line}\n"),
        })
        .collect();
    fs::write(&example, spelt_out).unwrap();
    assert_eq!(format!("{:?}", Config::load(&example).unwrap()), as_it_stands);
    assert_eq!(keys, 22, "keys in comments were found");
}

#[test]
fn the_certificate_for_hosts_can_be_used() {
    let dir = cluster_config();
    let example = dir.path().join("node1.toml");
    let text = fs::read_to_string(&example).unwrap().replace("hosts-ca.pem", "ca.pem");
    let section: Vec<&str> =
        text.lines().skip_while(|line| !line.starts_with("# [ovsdb.tls]")).take(5).collect();
    let uncommented: String = section.iter().map(|line| format!("{}\n", &line[2..])).collect();
    fs::write(&example, text.replace(&section.join("\n"), uncommented.trim_end())).unwrap();
    let config = Config::load(&example).unwrap();
    assert!(config.sessions.tls.is_some() && config.pools.identity().is_some());

    let other = text.replace(&section.join("\n"), uncommented.replace("ca.pem", "node1.pem").trim_end());
    fs::write(&example, other).unwrap();
    let refused = format!("{:#}", Config::load(&example).unwrap_err());
    assert!(refused.contains("ovsdb.tls.authority"), "{refused}");
}

#[test]
fn a_key_for_passwords_that_others_can_read_is_refused() {
    let dir = cluster_config();
    let key = dir.path().join("certificates/cluster.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = format!("{:#}", Config::load(&dir.path().join("node1.toml")).unwrap_err());
    assert!(refused.contains("secrets.key") && refused.contains("chmod 600"), "{refused}");
}

#[test]
fn certificates_are_for_whom_they_say_and_keys_are_private() {
    let dir = cluster_config();
    let certificates = dir.path().join("certificates");
    for (certificate, purpose, name) in [
        ("node1", "sslserver", "controller.asterism"),
        ("node2", "sslserver", "node-2.asterism"),
        ("node3", "sslclient", "node-3.asterism"),
        ("admin", "sslclient", "admin.asterism"),
        ("ovsdb", "sslclient", "ovsdb.asterism"),
    ] {
        let output = Command::new("openssl")
            .args(["verify", "-x509_strict", "-CAfile"])
            .arg(certificates.join("ca.pem"))
            .args(["-purpose", purpose, "-verify_hostname", name])
            .arg(certificates.join(format!("{certificate}.pem")))
            .output()
            .unwrap();
        assert!(output.status.success(), "{certificate}: {}", error_of(&output));
        let key = fs::metadata(certificates.join(format!("{certificate}.key"))).unwrap();
        assert_eq!(key.permissions().mode() & 0o777, 0o600, "{certificate}.key");
    }
    let key = fs::metadata(certificates.join("cluster.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600, "cluster.key");
}

/// A copy of the examples beside certificates for them.
fn cluster_config() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for node in EXAMPLES {
        fs::copy(examples().join(node), dir.path().join(node)).unwrap();
    }
    make_certificates(&dir.path().join("certificates"));
    dir
}

/// As `asterctl pki init` makes them.
fn make_certificates(into: &Path) {
    let node =
        |(id, address): (u64, &str)| Subject::Node { node: NodeId(id), addresses: vec![address.to_owned()] };
    let nodes = [(1, "10.0.0.1"), (2, "fd00::2"), (3, "node3.example"), (4, "10.0.0.4"), (5, "10.0.0.5")]
        .map(node)
        .to_vec();
    let outset = Outset { nodes, admin: "admin".parse().unwrap(), days: 30 };
    outset.make(into, i64::try_from(Clock::start().wall().0 / 1000).unwrap()).unwrap();
}

fn examples() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../cluster-config")
}

/// Whether a comment is a key with its default, and no sentence.
fn is_key(comment: &str) -> bool {
    comment.split_once(" = ").is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
}

fn error_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
