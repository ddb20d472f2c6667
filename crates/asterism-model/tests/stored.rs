//! The stored form of version 1 is read as it was written, for ever: the files in `stored_v1/` are never made anew.

#![allow(clippy::unwrap_used)]

#[path = "stored/stories.rs"]
mod stories;
#[path = "support/mod.rs"]
mod support;

use std::{collections::BTreeSet, fs, path::PathBuf};

use asterism_model::{
    Command, NetworkState, StoredError, decode_command, decode_state, encode_command, encode_state,
    stored::digest,
};
use stories::{
    ADOPTED, AUDITED, DIVERGED, HISTORY, MEMBERS, MOVES, REFUSED, REFUSED_ADOPTED, REFUSED_MEMBERS,
    REFUSED_MOVES, REFUSED_XAPI, XAPI,
};
use support::script;

/// A line of script for each kind of operation, each with all of its parts somewhere.
const COMMANDS: &[(&str, &str)] = &[
    ("init_cluster", "@1700000000000 init lab id=42334"),
    ("open_session", "session"),
    ("claim_epoch", "claim c18446744073709551615"),
    ("add_pool", "s1#1 pool p9"),
    ("remove_pool", "remove-pool p9"),
    ("remove_pool_force", "remove-pool p9 force"),
    ("add_xapi_pool", "xapi-pool x9 pin=ab"),
    ("change_xapi_access", "access x9 address=https://[fd00::1]:8443"),
    (
        "record_inventory",
        "inventory x9 epoch=3 a#1@10.0.0.1,xenbr1=10.1.0.1/9000,cert=ab b#2@fd00::2,disabled,dead",
    ),
    ("add_host", "host p1/x lan=10.0.0.9 san=fd00::9/9000 ovsdb=ssl:[fd00::9]:6641 datapath=netdev"),
    ("add_host_unix", "host p1/x 10.0.0.9 ovsdb=unix:/run/openvswitch/db.sock"),
    ("enable_host", "enable p1/a"),
    ("disable_host", "disable p1/a"),
    ("remove_host", "remove p1/a force"),
    ("forget_host", "forget h4294967295 epoch=18446744073709551615"),
    ("create_network", "network n9 p1:san:a p2 encap=geneve mtu=1400 vni=16777215 prefer=p2 resilience=dual"),
    ("create_network_least", "network n9 p1"),
    ("update_network", "update n1 mtu=1400 resilience=single set=p3:san:a remove=p2 host=p1:b prefer=p3"),
    ("update_network_least", "update n1"),
    ("update_network_unset", "update n1 host=p1:- prefer=-"),
    ("record_uplinks", "uplinks h7 one epoch=9"),
    ("report_divergence", "diverged c3 epoch=9 index=812"),
    ("change_settings", "settings bfd=100 mode=read-only"),
    ("change_settings_least", "settings"),
    ("move_center", "move n1 p1/a"),
    ("move_pool_center", "move-pool n1 p2"),
    ("create_network_fast", "network n9 p1 resilience=dual detection=fast"),
    ("update_network_normal", "update n1 detection=normal"),
    (
        "adopt_topology_moving",
        "adopt epoch=3 based=9 n1:vni=7:p1=h1+h2~h2>h3:p2=h4+h5~h4/standby:center=p1:next=p2~:cause=moved:evidence=no-BFD",
    ),
    (
        "adopt_topology_announced",
        "adopt epoch=3 based=9 n1:vni=7:p1=h1+h2:p2=h4+h5~h4/announced>h5:center=p1:next=p2~~:cause=moved",
    ),
    ("change_members_invite", "invite c4 10.0.0.4:7400 replaces=c2"),
    ("change_members_learner", "invite c4 [fd00::4]:7400 learner"),
    ("change_members_join", "join c4"),
    ("change_members_retire", "retire c2"),
    ("change_members_drain", "drain-node c1"),
    ("change_members_undrain", "undrain-node c1"),
    ("restore_state", "restore c1 c2"),
    ("recover_cluster", "recover c1 c2 c3"),
    ("delete_network", "delete n1"),
    ("record_denied", "by=bob:viewer@fd00::9 denied Write"),
    ("add_pool_for", "s1#1 by=alice:operator@10.0.0.9 pool p9"),
    ("release_network", "release n1"),
    ("forget_network", "forget-network n7 epoch=3"),
    (
        "adopt_networks",
        "take n1 plugin=240 vni=7 encap=gre center=x2 one-star x1:10:xapi0:xenbr1:a x2:11:xapi3:xenbr0:b",
    ),
    ("adopt_networks_least", "take n1 x1:10:xapi0:xenbr1:a"),
    ("adopt_topology", "adopt epoch=3 based=9 n1:vni=7:p1=h1+h2:p2=h4:center=p1:cause=removed n2:vni=8"),
];

#[test]
fn commands_of_version_1_are_read_and_written_byte_for_byte() {
    for (name, line) in COMMANDS {
        let bytes = kept(&format!("commands/{name}.json"));
        let command = decode_command(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(command, command_of(line), "{name} means what it meant");
        assert_eq!(text(&encode_command(&command)), text(&bytes), "{name}");
    }
}

#[test]
fn every_kind_of_operation_is_kept() {
    let declared = include_str!("../src/command.rs");
    let (_, body) = declared.split_once("pub enum Operation {").unwrap();
    let (body, _) = body.split_once("\n}\n").unwrap();
    let is_variant = |line: &&str| line.starts_with(|first: char| first.is_ascii_uppercase());
    let variants: BTreeSet<String> = body
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(is_variant)
        .map(first_word)
        .collect();
    let operations = COMMANDS.iter().map(|(_, line)| format!("{:?}", command_of(line).operation));
    let kept: BTreeSet<String> = operations.map(|operation| first_word(&operation)).collect();
    assert!(variants.len() >= 14);
    assert_eq!(kept, variants);
    assert_eq!(fs::read_dir(directory().join("commands")).unwrap().count(), COMMANDS.len());
}

/// A state that is kept.
struct Kept {
    file: &'static str,
    /// What it comes of.
    history: fn() -> NetworkState,
    /// A replica that runs another version of this program must come to the same.
    digest: &'static str,
}

const STATES: [Kept; 7] = [
    Kept {
        file: "state_members.json",
        history: membered_state,
        digest: "4b29175589bd2d2e7218a367aecfda5cf4c94ef24d72656f70ab910fb1975e0d",
    },
    Kept {
        file: "state.json",
        history: rich_state,
        digest: "f2da138e2a46a2c94d2e81b9de887076f595a85e72191970ddaf9bc5bd1c0c77",
    },
    Kept {
        file: "state_moves.json",
        history: moved_state,
        digest: "e9ac26d4270ba62cf8cec250991785139045c00600b2843c53bd6e9d0ddd058c",
    },
    Kept {
        file: "state_xapi.json",
        history: xapi_state,
        digest: "9f780df5666577826b7b9b50a3b09d2ce5119d9c31717bb9c30056e6f9f8317c",
    },
    Kept {
        file: "state_audit.json",
        history: audited_state,
        digest: "41794ece5c050b01ef09449468d38ab50cb3db1dc91cccbf03dca1767a140ad2",
    },
    Kept {
        file: "state_adopted.json",
        history: adopted_state,
        digest: "62716b1a705c04453388f64c6a71670f2faa81fb52a09f4fa0ea4f8b59b837c9",
    },
    Kept {
        file: "state_diverged.json",
        history: diverged_state,
        digest: "ed1bedd78cd190b891b2d86015f496f28f59908182982e40a8f33a8e5e0985c5",
    },
];

#[test]
fn states_of_version_1_are_read_and_written_byte_for_byte() {
    for Kept { file, history, digest: of_version_1 } in STATES {
        let bytes = kept(file);
        let state = decode_state(&bytes).unwrap();
        assert_eq!(text(&encode_state(&state)), text(&bytes), "{file}");
        assert_eq!(state.violations(), Vec::<String>::new(), "{file}");
        assert_eq!(state, history(), "{file}: the same history leads to the same state");
        assert_eq!(digest(&state), of_version_1, "{file}");
    }
}

#[test]
fn the_kept_states_have_every_kind_of_event() {
    let declared = include_str!("../src/event.rs");
    let (_, body) = declared.split_once("pub enum EventKind {").unwrap();
    let (body, _) = body.split_once("\n}\n").unwrap();
    let is_variant = |line: &&str| line.starts_with(|first: char| first.is_ascii_uppercase());
    let variants: BTreeSet<String> = body
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(is_variant)
        .map(first_word)
        .collect();
    let mut met = BTreeSet::new();
    for Kept { file, .. } in STATES {
        let state = decode_state(&kept(file)).unwrap();
        met.extend(state.events().iter().map(|event| first_word(format!("{:?}", event.kind))));
    }
    assert_eq!(met, variants);
}

#[test]
fn a_newer_version_is_refused_by_name() {
    let state = r#"{"version":2,"value":{"anything":true}}"#;
    let error = decode_state(state.as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "stored state has version 2, and this program reads up to 1: run a newer one"
    );
    let error = decode_command(br#"{"version":7,"value":[]}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "stored command has version 7, and this program reads up to 1: run a newer one"
    );
}

#[test]
fn a_field_that_is_not_known_is_refused_and_not_passed_over() {
    for (place, with_more) in [
        (r#""at":"#, r#""urgent":true,"at":"#),
        (r#"{"name":"p9"}"#, r#"{"name":"p9","color":"red"}"#),
        (r#"{"version":1,"#, r#"{"version":1,"extra":0,"#),
        (r#"{"version":1,"#, r#"{ "version":1,"#),
        (r#"{"version":1,"#, r#"{"version":0,"#),
    ] {
        let bytes = kept("commands/add_pool.json");
        let changed = text(&bytes).replacen(place, with_more, 1);
        assert_ne!(changed, text(&bytes), "{place} is there");
        let error = decode_command(changed.as_bytes()).unwrap_err();
        assert!(matches!(error, StoredError::Unknown { what: "command" }), "{with_more}: {error:?}");
    }
}

#[test]
fn damage_is_refused_by_name() {
    let whole = kept("state.json");
    let cut = &whole[..whole.len() - 1];
    let foreign = br#"{"some":"json"}"#;
    let not_a_command = kept("state.json");
    for (what, error) in [
        ("a cut state", decode_state(cut).unwrap_err()),
        ("nothing", decode_state(b"").unwrap_err()),
        ("foreign JSON", decode_state(foreign).unwrap_err()),
        ("a state as a command", decode_command(&not_a_command).unwrap_err()),
    ] {
        assert!(matches!(error, StoredError::Malformed { .. }), "{what}: {error:?}");
        assert!(error.to_string().ends_with("can't be read: it is damaged, or not ours"), "{what}: {error}");
        assert!(std::error::Error::source(&error).is_some(), "{what} has a cause");
    }
}

fn rich_state() -> NetworkState {
    let mut world = support::World::of(HISTORY);
    // The last session of the history is the first of these.
    refuse_each(&mut world, 6, REFUSED);
    world.state
}

fn moved_state() -> NetworkState {
    let mut world = support::World::of(MOVES);
    refuse_each(&mut world, 3, REFUSED_MOVES);
    world.state
}

fn xapi_state() -> NetworkState {
    let mut world = support::World::of(XAPI);
    refuse_each(&mut world, 2, REFUSED_XAPI);
    world.state
}

fn audited_state() -> NetworkState {
    let mut world = support::World::of(AUDITED);
    refuse_each(&mut world, 2, &["by=bob:operator@fd00::9 pool p1"]);
    world.state
}

fn adopted_state() -> NetworkState {
    let mut world = support::World::of(ADOPTED);
    refuse_each(&mut world, 1, REFUSED_ADOPTED);
    world.state
}

fn diverged_state() -> NetworkState {
    support::World::of(DIVERGED).state
}

fn membered_state() -> NetworkState {
    let mut world = support::World::of(MEMBERS);
    refuse_each(&mut world, (2 << 32) + 1, REFUSED_MEMBERS);
    world.state
}

/// Each in a session of its own, the first of which gets that number.
fn refuse_each(world: &mut support::World, first: u64, refused: &[&str]) {
    for (session, line) in (first..).zip(refused) {
        world.apply(&script::parse("session", &world.state));
        world.apply(&script::parse(&format!("s{session}#1 {line}"), &world.state));
    }
}

/// The command of a line, with what the kept state has where the line leaves something out.
fn command_of(line: &str) -> Command {
    script::parse(line, &NetworkState::default())
}

fn kept(file: &str) -> Vec<u8> {
    let path = directory().join(file);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/stored_v1")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn first_word(text: impl AsRef<str>) -> String {
    text.as_ref().split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap().to_owned()
}
