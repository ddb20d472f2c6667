//! The Debian packages: made of the programs as they are built here, and installed into a root of their own.

// Clippy takes only functions with #[test] for tests; all of this is one.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

#[test]
fn the_packages_install_their_programs_run_and_an_upgrade_keeps_what_was_changed() {
    let dir = tempfile::tempdir().unwrap();
    let (debs, root) = (dir.path().join("debs"), dir.path().join("root"));
    make(&debs);
    install(&debs, &root);

    let version = concat!("asterctl ", env!("CARGO_PKG_VERSION"));
    let told = run(Command::new(root.join("usr/bin/asterctl")).arg("--version"));
    assert_eq!(String::from_utf8_lossy(&told.stdout).trim(), version);
    let refused = Command::new(root.join("usr/bin/asterismd")).arg("--check").output().unwrap();
    let refused = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.contains("/etc/asterism/asterismd.toml"), "{refused}");

    for file in [
        "usr/lib/systemd/system/asterismd.service",
        "usr/share/man/man1/asterctl.1.gz",
        "usr/share/man/man1/asterctl-host-drain.1.gz",
        "usr/share/man/man8/asterismd.8.gz",
        "usr/share/bash-completion/completions/asterctl",
        "usr/share/zsh/vendor-completions/_asterctl",
        "usr/share/fish/vendor_completions.d/asterctl.fish",
        "usr/share/doc/asterismd/README.md",
        "usr/share/doc/asterismd/examples/node1.toml",
        "usr/share/doc/asterismd/examples/monitoring/dashboard.json",
        "usr/share/doc/asterctl/copyright",
    ] {
        let size = fs::metadata(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}")).len();
        assert!(size > 100, "{file} has {size} bytes");
    }
    assert!(!root.join("etc/asterism/asterismd.toml").exists(), "nothing is configured by itself");
    assert!(
        !root.join("etc/systemd/system/multi-user.target.wants/asterismd.service").exists(),
        "nothing starts by itself"
    );

    // The same again, as an upgrade: what the operator changed stays.
    let environment = root.join("etc/default/asterismd");
    let changed = "ASTERISM_LOG=debug\n";
    fs::write(&environment, changed).unwrap();
    fs::create_dir_all(root.join("etc/asterism")).unwrap();
    fs::write(root.join("etc/asterism/asterismd.toml"), "node_id = 1\n").unwrap();
    install(&debs, &root);
    assert_eq!(fs::read_to_string(&environment).unwrap(), changed);
    assert_eq!(fs::read_to_string(root.join("etc/asterism/asterismd.toml")).unwrap(), "node_id = 1\n");
}

fn make(debs: &Path) {
    let binaries = Path::new(env!("CARGO_BIN_EXE_asterctl")).parent().unwrap();
    assert!(binaries.join("asterismd").exists(), "build the daemon first: cargo build -p asterismd");
    let top = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    run(Command::new(top.join("scripts/deb.sh"))
        .arg("--binaries")
        .arg(binaries)
        .arg("--out")
        .arg(debs)
        .args(["--compression", "none"]));
}

/// With dpkg itself, into a root that has nothing but its database. Without root it believes to have it.
fn install(debs: &Path, root: &Path) {
    for dir in ["var/lib/dpkg/info", "var/lib/dpkg/updates", "usr", "etc"] {
        fs::create_dir_all(root.join(dir)).unwrap();
    }
    let status = root.join("var/lib/dpkg/status");
    if !status.exists() {
        fs::write(&status, "").unwrap();
    }
    fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
    let packages = fs::read_dir(debs).unwrap().map(|entry| entry.unwrap().path());
    let packages: Vec<PathBuf> = packages.collect();
    assert_eq!(packages.len(), 2, "{packages:?}");
    run(Command::new("dpkg")
        .arg(format!("--root={}", root.display()))
        .args(["--force-not-root", "--force-depends", "--force-script-chrootless", "--force-bad-path"])
        .arg("--log=/dev/null")
        .arg("--install")
        .args(packages));
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
