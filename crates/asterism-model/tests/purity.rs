//! Who may depend on whom, read from the manifests: the pure crates stay pure, and no edge knows another.
//!
//! It stands with the crate at the bottom, whose tests build before all others.

#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, fs, path::PathBuf};

/// What each crate may use of our own crates. A new crate or arrow gets an ADR first, then a place here.
const OURS: &[(&str, &[&str])] = &[
    ("asterism-model", &[]),
    ("asterism-planner", &["asterism-model"]),
    ("asterism-pki", &["asterism-model"]),
    // asterism-pki, here and below, where it is not told: in tests only.
    ("asterism-raft", &["asterism-model", "asterism-pki"]),
    ("asterism-ovsdb", &["asterism-model", "asterism-pki"]),
    ("asterism-xapi", &["asterism-model", "asterism-xapi-sim"]),
    ("asterism-api", &["asterism-model", "asterism-pki"]),
    ("asterism-xapi-sim", &[]),
    ("asterism-lab", &["asterism-model", "asterism-api", "asterism-pki", "asterism-xapi-sim"]),
    (
        "asterismd",
        &[
            "asterism-api",
            "asterism-model",
            "asterism-ovsdb",
            "asterism-pki",
            "asterism-planner",
            "asterism-raft",
            "asterism-xapi",
            // In tests only.
            "asterism-xapi-sim",
        ],
    ),
    ("asterctl", &["asterism-api", "asterism-model", "asterism-pki"]),
];

/// What the pure crates may use of others' crates: values, their stored form, and errors.
const PURE: &[&str] = &["serde", "serde_json", "sha2", "thiserror"];
/// What their tests may use besides: expectations, generators, scripts, and the manifests that they read.
const PURE_TESTS: &[&str] = &["datatest-stable", "expect-test", "proptest", "toml"];

/// What a pure crate has no business with, also where the standard library has it.
const IMPURE_WORDS: &[(&str, &str)] = &[
    ("SystemTime", "time is an argument; asterismd reads the clock"),
    ("Instant::now", "time is an argument; asterismd reads the clock"),
    ("HashMap", "hash order differs between replicas; use BTreeMap"),
    ("HashSet", "hash order differs between replicas; use BTreeSet"),
    ("TcpStream", "sockets belong in asterism-ovsdb, asterism-xapi and asterism-raft"),
    ("UnixStream", "sockets belong in asterism-ovsdb, asterism-xapi and asterism-raft"),
    ("fs::", "files belong in asterism-raft and asterismd"),
    ("env::", "the environment belongs in asterismd and asterctl"),
    ("thread::", "tasks belong in asterismd"),
    ("async fn", "waiting belongs in the edge crates and asterismd"),
    ("println!", "output belongs in asterctl and asterism-lab"),
];

#[test]
fn the_pure_crates_know_no_io_no_time_and_no_chance() {
    for name in ["asterism-model", "asterism-planner"] {
        let manifest = Manifest::read(name);
        for (kind, dependency) in manifest.all() {
            let is_allowed = is_ours(&dependency)
                || PURE.contains(&dependency.as_str())
                || (kind == "dev-dependencies" && PURE_TESTS.contains(&dependency.as_str()));
            assert!(
                is_allowed,
                "{name} has `{dependency}` in its {kind}. It is pure: values in, values out. What does I/O, waits, \
                 reads a clock or throws dice belongs in an edge (asterism-raft, asterism-ovsdb, asterism-xapi, asterism-api) or in \
                 asterismd, which hands the result in as an argument."
            );
        }
    }
}

#[test]
fn the_pure_crates_use_no_impure_part_of_the_standard_library() {
    for name in ["asterism-model", "asterism-planner"] {
        let mut files = Vec::new();
        rust_files(&crates().join(name).join("src"), &mut files);
        assert!(!files.is_empty());
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            for (number, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                for (word, reason) in IMPURE_WORDS {
                    assert!(
                        !code.contains(word),
                        "{}:{}: `{word}` in a pure crate: {reason}",
                        file.display(),
                        number + 1
                    );
                }
            }
        }
    }
}

#[test]
fn no_edge_knows_another_and_none_knows_the_planner() {
    let allowed: BTreeMap<&str, &[&str]> = OURS.iter().copied().collect();
    let names: Vec<String> = members();
    for name in &names {
        let Some(allowed) = allowed.get(name.as_str()) else {
            panic!("{name} is new: write an ADR on what it is for and what it knows, then name it in OURS");
        };
        for (kind, dependency) in Manifest::read(name).all() {
            let is_own = dependency == *name;
            assert!(
                !is_ours(&dependency) || is_own || allowed.contains(&dependency.as_str()),
                "{name} has {dependency} in its {kind}. It may know {allowed:?} only: what joins two crates belongs in \
                 asterismd or asterctl, what both need belongs in asterism-model."
            );
        }
    }
    assert_eq!(names.len(), OURS.len(), "OURS names a crate that is not there");
}

#[test]
fn versions_stand_in_one_place() {
    for name in members() {
        for (kind, table) in Manifest::read(&name).tables {
            for (dependency, value) in table {
                let is_inherited = value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
                assert!(
                    is_inherited,
                    "{name} has a version of its own of `{dependency}` in its {kind}: name the version in the \
                     workspace's Cargo.toml, and `{dependency}.workspace = true` here"
                );
            }
        }
    }
}

/// The tables of a manifest that name dependencies.
struct Manifest {
    tables: Vec<(String, toml::Table)>,
}

impl Manifest {
    fn read(name: &str) -> Self {
        let path = crates().join(name).join("Cargo.toml");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let manifest: toml::Table = text.parse().unwrap();
        let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
        let in_targets = manifest.get("target").and_then(toml::Value::as_table).into_iter().flatten();
        let in_targets = in_targets.filter_map(|(_, target)| target.as_table());
        let places = std::iter::once(&manifest).chain(in_targets);
        let tables = places.flat_map(|place| {
            kinds.iter().filter_map(|kind| Some(((*kind).to_owned(), place.get(*kind)?.as_table()?.clone())))
        });
        Self { tables: tables.collect() }
    }

    fn all(&self) -> impl Iterator<Item = (String, String)> {
        self.tables.iter().flat_map(|(kind, table)| table.keys().map(|name| (kind.clone(), name.clone())))
    }
}

fn is_ours(name: &str) -> bool {
    OURS.iter().any(|(ours, _)| *ours == name)
}

fn members() -> Vec<String> {
    let entries = fs::read_dir(crates()).unwrap().map(|entry| entry.unwrap());
    let packages = entries.filter(|entry| entry.path().join("Cargo.toml").exists());
    packages.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

fn crates() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn rust_files(directory: &std::path::Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}
