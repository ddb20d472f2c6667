//! Certificates are made where the authority is, without any cluster.

use std::{
    path::Path,
    process::{Command, Output},
};

/// Runs `asterctl pki` in a directory.
fn pki(dir: &Path, words: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_asterctl"));
    command.current_dir(dir).arg("pki").args(words.split_whitespace()).output().unwrap()
}

/// What it shows, where it must succeed.
fn shown(dir: &Path, words: &str) -> String {
    let output = pki(dir, words);
    assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refused(dir: &Path, words: &str, code: i32, why: &str) {
    let output = pki(dir, words);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{words}: {told}");
    assert!(told.contains(why), "{words}: {told}");
}

#[test]
fn a_cluster_s_certificates_are_made_issued_and_shown() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let made = shown(dir, "init --node 1=10.0.0.1,node1.example --admin alice");
    assert!(made.contains("controller.asterism, node-1.asterism, 10.0.0.1, node1.example"), "{made}");
    refused(dir, "init", 7, "certificates/ca.pem is there already");

    let issued = shown(dir, "issue --role viewer --name grafana --days 365 -o json");
    let document: serde_json::Value = serde_json::from_str(&issued).unwrap();
    let certificate = &document["certificates"][0];
    assert_eq!((&certificate["subject"], &certificate["role"]), (&"grafana".into(), &"viewer".into()));
    assert_eq!(certificate["standing"], "valid");
    refused(dir, "issue --role viewer --name grafana", 7, "grafana.pem is there already");
    refused(dir, "issue --role emperor --name x", 2, "viewer, operator or admin");
    refused(dir, "issue --role admin", 2, "--name");
    refused(dir, "issue --node 2", 2, "--address");
    refused(dir, "issue --ovsdb --name x", 2, "cannot be used");

    let all = shown(dir, "show");
    for (name, role) in [("ca", "authority"), ("node1", "node 1"), ("alice", "admin"), ("ovsdb", "ovsdb")] {
        let line = all.lines().find(|line| line.starts_with(&format!("certificates/{name}.pem"))).unwrap();
        assert!(line.contains(role) && line.ends_with("valid"), "{line}");
    }
}

#[test]
fn what_ends_soon_is_told_and_renewed() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    shown(dir, "init --node 1=10.0.0.1 --days 40");
    // A third of one day has passed already an hour before it is made, or so: a certificate of a day is never young.
    let soon = pki(dir, "show certificates/ca.pem");
    assert_eq!(soon.status.code(), Some(0), "{}", String::from_utf8_lossy(&soon.stderr));
    assert!(
        String::from_utf8_lossy(&pki(dir, "renew").stderr)
            .contains("no certificate in certificates ends soon")
    );

    let before = std::fs::read(dir.join("certificates/node1.pem")).unwrap();
    let renewed = shown(dir, "renew node1 --address 10.0.0.11 --days 20");
    assert!(renewed.contains("node-1.asterism, 10.0.0.11 "), "{renewed}");
    assert_ne!(std::fs::read(dir.join("certificates/node1.pem")).unwrap(), before);
    assert_eq!(
        std::fs::read_dir(dir.join("certificates/replaced")).unwrap().count(),
        2,
        "the old pair is kept"
    );
    refused(dir, "renew ca", 2, "the authority is not renewed");
    refused(dir, "renew admin --address 10.0.0.1", 2, "not a node's");
    refused(dir, "renew nobody", 7, "nobody.pem can't be read");
    refused(dir, "renew node1 --days 4000", 7, "expected 1 to");
}
