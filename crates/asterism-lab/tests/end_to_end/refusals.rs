//! Bad input: each gets an exit code and a sentence that says what is wrong and what would be valid, and changes nothing.

use std::fs;

use asterism_lab::{Authority, Keys, Lab, LabError, Output, Result, Tool, find_program};

use crate::stage::{self, PATIENCE, end_to_end};

const REFUSED: i32 = 3;
const NOT_FOUND: i32 = 4;
const UNAVAILABLE: i32 = 5;
const NOT_PERMITTED: i32 = 7;

/// A command line, its exit code, and what its sentence must contain.
type Case = (&'static str, i32, &'static [&'static str]);

const CASES: &[Case] = &[
    ("network create red --pool p9:storage", NOT_FOUND, &["no pool `p9`", "p1, p2, idle"]),
    (
        "host add p9/h1 --ovsdb tcp:10.10.9.1 --transport storage=10.20.9.1",
        NOT_FOUND,
        &["no pool `p9`", "p1, p2, idle"],
    ),
    (
        "host add p2/again --ovsdb tcp:10.10.1.1:6640 --transport storage=10.20.2.99",
        REFUSED,
        &["tcp:10.10.1.1:6640", "host `p1/h1` already", "one pool only"],
    ),
    (
        "host add p2/twin --ovsdb tcp:10.10.2.99 --transport storage=10.20.1.1",
        REFUSED,
        &["10.20.1.1", "host `p1/h1` already"],
    ),
    (
        "network create red --pool p2:elsewhere",
        REFUSED,
        &["transport `elsewhere`", "host `p2/h1` does not have", "storage"],
    ),
    (
        "host add p1/bare --ovsdb tcp:10.10.1.99 --transport other=10.20.1.99",
        REFUSED,
        &["network `blue` needs transport `storage`", "`p1/bare`", "other"],
    ),
    ("network create blue --pool p1:storage", REFUSED, &["the name `blue` is taken", "another"]),
    (
        "network create red --pool p1:storage --vni 77",
        REFUSED,
        &["vni: 77 is taken by network `blue`", "leave it out"],
    ),
    (
        "network create red --pool p1:storage --mtu 1451",
        REFUSED,
        &["1451", "1500 less 50 bytes of vxlan leaves 1450"],
    ),
    (
        "network create red --pool p1:storage --encapsulation gre --mtu 1459",
        REFUSED,
        &["1459", "1500 less 42 bytes of gre leaves 1458"],
    ),
    ("network update blue --mtu 1451", REFUSED, &["1451", "leaves 1450"]),
    ("pool remove p1", REFUSED, &["pool `p1`", "h1", "remove them first"]),
    ("pool remove idle", REFUSED, &["pool `idle` is part of networks: blue", "delete them"]),
    ("pool add p1", REFUSED, &["the name `p1` is taken"]),
    ("network delete red", NOT_FOUND, &["no network `red`", "blue"]),
    ("host remove p1/h9", NOT_FOUND, &["no host `p1/h9`", "h1"]),
];

#[test]
fn bad_input_is_told_what_is_wrong_and_what_would_be_valid_and_changes_nothing() {
    end_to_end!(|| {
        let mut lab = stage::cluster(2, 1)?;
        lab.asterctl_ok(&["pool", "add", "idle"])?;
        stage::create(&lab, "blue", &[1], &["--pool", "idle:storage", "--vni", "77", "--wait", "verified"])?;
        let revision = lab.wait_for_all_replicas(PATIENCE)?;
        for (words, code, sentence) in CASES {
            let output = lab.asterctl(&words.split(' ').collect::<Vec<_>>())?;
            assert_refused(words, &output, *code, sentence);
        }
        assert_strangers_are_not_permitted(&lab)?;
        assert_eq!(lab.wait_for_all_replicas(PATIENCE)?, revision, "nothing was changed");

        // Two of three are down: first the leader among them, then not.
        for spared in [1, 0] {
            let leader = lab.wait_for_leader(PATIENCE)?;
            let lost = [leader % 3 + 1, if spared == 1 { leader } else { (leader + 1) % 3 + 1 }];
            lost.iter().try_for_each(|node| lab.controller_mut(*node)?.kill())?;
            let output = lab.asterctl(&["pool", "add", "late", "--timeout", "5s"])?;
            assert_refused("no quorum", &output, UNAVAILABLE, &["within 5s", "majority of the replicas"]);
            lost.iter().try_for_each(|node| lab.controller_mut(*node)?.start())?;
            assert_eq!(lab.wait_for_all_replicas(PATIENCE)?, revision, "nothing was changed");
        }
        Ok(())
    });
}

#[test]
fn a_controller_with_a_malformed_configuration_does_not_start_and_names_the_key() {
    end_to_end!(|| {
        let lab = Lab::builder().hosts(0).controllers(1).build()?;
        let file = lab.dir().join("c1/asterismd.toml");
        let io = |source| LabError::io("preparing a configuration", source);
        let valid = fs::read_to_string(&file).map_err(io)?;
        for (from, to, sentence) in [
            ("node_id = 1", "node_id = 0", ["node_id", "1 or more"]),
            ("node_id = 1", "node_id = \"one\"", ["node_id", "expected u64"]),
            ("cluster = \"lab\"", "cluster = \"two words\"", ["cluster", "letters"]),
            ("listen = \"10.", "listen = \"x10.", ["listen", "IP:PORT"]),
            ("advertise = \"10.10.250.1:7400\"", "advertise = \"0.0.0.0:7400\"", ["advertise", "HOST:PORT"]),
            ("ca.pem", "none.pem", ["tls.ca", "none.pem"]),
            ("[log]", "[raft]\nheartbeat_interval = \"100\"\n[log]", ["raft.heartbeat_interval", "100ms"]),
            ("data_dir", "data_directory", ["data_directory", "data_dir"]),
        ] {
            assert!(valid.contains(from), "{from}: {valid}");
            let broken = lab.dir().join("c1/broken.toml");
            fs::write(&broken, valid.replacen(from, to, 1)).map_err(io)?;
            let started = Tool::new(find_program("asterismd")?).arg("--config").arg(&broken);
            let output = started.inside(&lab.netns("c1")?).output("starting asterismd")?;
            assert_eq!(output.code(), 1, "{to}: {output:?}");
            for words in sentence {
                assert!(output.stderr.contains(words), "{to}: no `{words}` in {output:?}");
            }
        }
        Ok(())
    });
}

/// An operator of another authority; replicas of another authority; one of the right authority without a role.
fn assert_strangers_are_not_permitted(lab: &Lab) -> Result<()> {
    let stranger = Authority::create(&lab.dir().join("stranger"), "stranger", Keys::Ecdsa)?;
    let forged = stranger.issue("operator", &["operator.asterism".into()], &[])?;
    let visitor = lab.authority().issue("visitor", &["visitor.asterism".into()], &[])?;
    let own = lab.dir().join("pki");
    for (ca, cert, key, sentence) in [
        (own.join("ca.pem"), forged.cert.clone(), forged.key.clone(), "UnknownCA"),
        (forged.ca.clone(), own.join("operator.pem"), own.join("operator.key"), "UnknownIssuer"),
        (visitor.ca, visitor.cert, visitor.key, "expected exactly one of viewer.asterism"),
    ] {
        let files = [("--ca", &ca), ("--cert", &cert), ("--key", &key)];
        let tool = Tool::new(find_program("asterctl")?).args(["pool", "add", "mine"]);
        let tool = files.into_iter().fold(tool, |tool, (option, file)| tool.arg(option).arg(file));
        let tool =
            lab.operator_environment().into_iter().fold(tool, |tool, (key, value)| tool.env(key, value));
        let output = tool.inside(&lab.netns("operator")?).output("asking as a stranger")?;
        assert_refused(&format!("{}", cert.display()), &output, NOT_PERMITTED, &["certificate", sentence]);
    }
    Ok(())
}

fn assert_refused(words: &str, output: &Output, code: i32, sentence: &[&str]) {
    eprintln!("{words}: {} {}", output.code(), output.stderr.trim());
    assert_eq!(output.code(), code, "{words}: {output:?}");
    assert_eq!(output.stdout, "", "{words}");
    for part in sentence {
        assert!(output.stderr.contains(part), "{words}: no `{part}` in {}", output.stderr);
    }
}
