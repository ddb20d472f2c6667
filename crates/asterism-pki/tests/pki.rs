//! What an authority issues says whose it is, and files stay as they are.

#![allow(clippy::unwrap_used)]

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, sync::LazyLock};

use asterism_model::{AccessRole, NodeId};
use asterism_pki::{Authority, Certificate, DAY, Holder, Keys, Outset, PkiError, Subject, files};
use openssl::x509::X509;
use proptest::{collection::vec, prelude::*};

/// Some moment of 2026.
const NOW: i64 = 1_780_000_000;

fn authority() -> Authority {
    Authority::create("a test's authority", Keys::Ecdsa, NOW, 3650).unwrap()
}

fn node(id: u64, address: &str) -> Subject {
    Subject::Node { node: NodeId(id), addresses: vec![address.to_owned()] }
}

fn caller(name: &str, role: AccessRole) -> Subject {
    Subject::Caller { name: name.parse().unwrap(), role }
}

fn issue(authority: &Authority, subject: &Subject) -> Certificate {
    let issued = authority.issue(subject, NOW, subject.days()).unwrap();
    let certificate = Certificate::from_pem("it", issued.certificate_pem.as_bytes()).unwrap();
    assert!(certificate.is_of_key(issued.key_pem.as_bytes()));
    certificate
}

fn outset() -> Outset {
    let nodes = vec![node(1, "10.0.0.1"), node(2, "node2.example")];
    Outset { nodes, admin: "alice".parse().unwrap(), days: 3650 }
}

#[test]
fn a_certificate_says_whose_it_is_and_can_be_made_again() {
    let authority = authority();
    let own = Certificate::from_pem("it", authority.certificate_pem().as_bytes()).unwrap();
    assert_eq!(own.holder(), Holder::Authority);
    let viewer = Holder::Caller { name: "alice".into(), role: AccessRole::Viewer };
    let admin = Holder::Caller { name: "bob".into(), role: AccessRole::Admin };
    for (subject, holder) in [
        (node(7, "10.0.0.7"), Holder::Node(NodeId(7))),
        (caller("alice", AccessRole::Viewer), viewer),
        (caller("bob", AccessRole::Admin), admin),
        (Subject::Ovsdb, Holder::Ovsdb),
    ] {
        let certificate = issue(&authority, &subject);
        assert_eq!(certificate.holder(), holder);
        assert_eq!(Subject::of(&certificate).as_ref(), Some(&subject));
        assert!(certificate.is_signed_by(&own));
        assert_eq!(certificate.days_left(NOW), subject.days());
    }
}

#[test]
fn a_certificate_that_names_two_kinds_of_holders_is_nobodys() {
    let authority = authority();
    for names in [
        vec!["controller.asterism"],
        vec!["node-1.asterism"],
        vec!["controller.asterism", "node-1.asterism", "node-2.asterism"],
        vec!["controller.asterism", "node-1.asterism", "admin.asterism"],
        vec!["viewer.asterism", "admin.asterism"],
        vec!["admin.asterism", "ovsdb.asterism"],
        vec!["admin.example"],
        vec![],
    ] {
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let subject = Subject::Other { name: "x".into(), names: names.clone(), keys: Keys::Ecdsa };
        assert_eq!(issue(&authority, &subject).holder(), Holder::Other, "{names:?}");
    }
}

#[test]
fn nothing_outlives_its_authority() {
    let authority = Authority::create("short", Keys::Ecdsa, NOW, 10).unwrap();
    let error = authority.issue(&Subject::Ovsdb, NOW, 11).unwrap_err();
    assert!(matches!(error, PkiError::Days { days: 11, most: 10 }), "{error}");
    assert!(authority.issue(&Subject::Ovsdb, NOW, 0).is_err());
    let later = authority.issue(&Subject::Ovsdb, NOW + 11 * DAY, 1).unwrap_err();
    assert!(matches!(later, PkiError::AuthorityEnded), "{later}");
}

#[test]
fn it_is_time_for_another_at_a_third_of_its_life_or_thirty_days_of_a_long_one() {
    let authority = authority();
    for (days, soon) in [(30, 10), (90, 30), (365, 30)] {
        let issued = authority.issue(&node(1, "10.0.0.1"), NOW, days).unwrap();
        let certificate = Certificate::from_pem("it", issued.certificate_pem.as_bytes()).unwrap();
        assert!(!certificate.ends_soon(NOW + (days - soon - 1) * DAY), "{days}");
        assert!(certificate.ends_soon(NOW + (days - soon) * DAY + 1), "{days}");
    }
}

#[test]
fn an_authority_is_opened_with_its_own_key_only() {
    let (ours, theirs) = (authority(), authority());
    assert!(Authority::open(ours.certificate_pem(), ours.key_pem()).is_ok());
    let error = Authority::open(ours.certificate_pem(), theirs.key_pem()).unwrap_err();
    assert!(matches!(error, PkiError::OtherKey), "{error}");
    let leaf = ours.issue(&node(1, "10.0.0.1"), NOW, 1).unwrap();
    let error = Authority::open(&leaf.certificate_pem, &leaf.key_pem).unwrap_err();
    assert!(matches!(error, PkiError::NoAuthority), "{error}");
    assert!(matches!(Authority::open("", "").unwrap_err(), PkiError::NoCertificate { .. }));
}

#[test]
fn an_outset_is_made_once_and_keys_are_private() {
    let dir = tempfile::tempdir().unwrap();
    let names = outset().make(dir.path(), NOW).unwrap();
    assert_eq!(names, ["ca", "node1", "node2", "alice", "ovsdb"]);
    for entry in fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        let expected = if path.extension().unwrap() == "key" { 0o600 } else { 0o644 };
        assert_eq!(mode, expected, "{}", path.display());
    }
    let before = contents(dir.path());
    let error = outset().make(dir.path(), NOW).unwrap_err();
    assert!(matches!(error, PkiError::Exists { .. }), "{error}");
    assert_eq!(contents(dir.path()), before);
}

#[test]
fn an_outset_that_can_t_be_made_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let twice = Outset { nodes: vec![node(1, "10.0.0.1"), node(1, "10.0.0.2")], ..outset() };
    assert!(matches!(twice.make(dir.path(), NOW).unwrap_err(), PkiError::Twice { name } if name == "node1"));
    let malformed = Outset { nodes: vec![node(1, "10.0.0")], ..outset() };
    assert!(matches!(malformed.make(dir.path(), NOW).unwrap_err(), PkiError::Address { .. }));
    assert_eq!(contents(dir.path()), Vec::new());
}

#[test]
fn a_pair_is_replaced_and_the_old_one_kept() {
    let dir = tempfile::tempdir().unwrap();
    outset().make(dir.path(), NOW).unwrap();
    let authority = files::open_authority(dir.path()).unwrap();
    let old = fs::read(dir.path().join("node1.pem")).unwrap();
    let issued = authority.issue(&node(1, "10.0.0.9"), NOW, 9).unwrap();
    let error = files::write_pair(dir.path(), "node1", &issued).unwrap_err();
    assert!(matches!(error, PkiError::Exists { .. }), "{error}");
    files::replace_pair(dir.path(), "node1", &issued).unwrap();
    assert_eq!(fs::read(dir.path().join("node1.pem")).unwrap(), issued.certificate_pem.as_bytes());
    let kept = Certificate::from_pem("old", &old).unwrap().serial();
    let kept = dir.path().join(files::REPLACED).join(format!("node1.{kept}.pem"));
    assert_eq!(fs::read(kept).unwrap(), old);
}

#[test]
fn an_authority_whose_key_others_can_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    outset().make(dir.path(), NOW).unwrap();
    fs::set_permissions(dir.path().join("ca.key"), fs::Permissions::from_mode(0o640)).unwrap();
    let error = files::open_authority(dir.path()).unwrap_err();
    assert!(matches!(error, PkiError::Exposed { .. }), "{error}");
}

proptest! {
    #[test]
    fn bytes_of_all_sorts_are_no_certificate_and_make_nothing_panic(bytes in vec(any::<u8>(), 0..300)) {
        prop_assert!(Certificate::from_der(&bytes).is_err());
        prop_assert!(Certificate::from_pem("it", &bytes).is_err());
    }

    /// What a stranger shows is read before anybody has signed for it.
    #[test]
    fn a_damaged_certificate_is_refused_or_read(places in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = DER.clone();
        for (place, byte) in places {
            *place.get_mut(&mut bytes) = byte;
        }
        if let Ok(certificate) = Certificate::from_der(&bytes) {
            let is_ending = certificate.ends_soon(NOW) || certificate.days_left(NOW) >= 0;
            prop_assert!(is_ending && certificate.serial().len() < 100, "{:?}", certificate.holder());
            prop_assert!(Subject::of(&certificate).is_none_or(|subject| !subject.common_name().is_empty()));
        }
    }
}

/// A node's certificate as TLS shows it.
static DER: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let issued = authority().issue(&node(1, "10.0.0.1"), NOW, 9).unwrap();
    X509::from_pem(issued.certificate_pem.as_bytes()).unwrap().to_der().unwrap()
});

fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let read =
        |entry: fs::DirEntry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap());
    let mut found: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| read(entry.unwrap())).collect();
    found.sort();
    found
}
