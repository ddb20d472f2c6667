//! Arguments make the requests that they say, and wrong ones are told before anybody is asked.

// A command that is not the expected one fails the test, whichever it is.
#![allow(clippy::wildcard_enum_match_arm)]

use std::time::Duration;

use asterism_api::{
    Client, ClientConfig, Security, convert::operation_to_proto, v1::explain_request::Subject,
};
use asterism_model::{ClusterId, Operation};
use clap::Parser;
use expect_test::{Expect, expect};

use super::*;
use crate::commands::{cluster, host, network, pool};

fn parse(words: &str) -> Noun {
    Cli::try_parse_from(words.split_whitespace()).unwrap().noun
}

fn operation(words: &str) -> Result<Operation> {
    match parse(words) {
        Noun::Pool(pool::Verb::Add(verb)) => verb.operation(),
        Noun::Pool(pool::Verb::Remove(verb)) => Ok(verb.operation()),
        Noun::Host(host::Verb::Add(verb)) => verb.operation(),
        Noun::Host(host::Verb::Remove(verb)) => Ok(verb.operation()),
        Noun::Host(host::Verb::Undrain(verb)) => Ok(verb.operation()),
        Noun::Host(host::Verb::Drain(verb)) => Ok(verb.operation()),
        Noun::Network(network::Verb::MoveCenter(verb)) => verb.operation(),
        Noun::Network(network::Verb::MovePoolCenter(verb)) => Ok(verb.operation()),
        Noun::Release(verb) => Ok(verb.operation()),
        Noun::Cluster(cluster::Verb::Settings(verb)) => Ok(verb.operation().expect("something to change")),
        Noun::Network(network::Verb::Create(verb)) => alone(async |client| verb.operation(client).await),
        Noun::Network(network::Verb::Update(verb)) => alone(async |client| verb.operation(client).await),
        Noun::Network(network::Verb::Delete(verb)) => Ok(verb.operation()),
        other => panic!("{other:?} writes nothing"),
    }
}

/// With a client that has nobody to ask.
fn alone(ask: impl AsyncFnOnce(&mut Client) -> Result<Operation>) -> Result<Operation> {
    let mut client = Client::new(ClientConfig {
        endpoints: vec!["127.0.0.1:1".into()],
        security: Security::Plaintext,
        timeout: Duration::from_secs(1),
        attempt_timeout: Duration::from_secs(1),
    })?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(ask(&mut client))
}

/// The request in JSON of the model: shorter than the message's debug form, and the message holds no more.
fn check(words: &str, expected: Expect) {
    let operation = operation(words).unwrap();
    assert!(operation_to_proto(&operation).is_some(), "operators may ask for it");
    expected.assert_eq(&serde_json::to_string(&operation).unwrap());
}

fn check_usage(words: &str, expected: Expect) {
    let told = match Cli::try_parse_from(words.split_whitespace()) {
        Ok(_) => operation(words).unwrap_err().to_string(),
        Err(error) => {
            assert_eq!(error.exit_code(), 2);
            error.to_string().lines().next().unwrap_or_default().to_owned()
        }
    };
    expected.assert_eq(&told);
}

#[test]
fn pools() {
    check("asterctl pool add p1", expect![[r#"{"add_pool":{"name":"p1"}}"#]]);
    check("asterctl pool remove p1", expect![[r#"{"remove_pool":{"pool":"p1"}}"#]]);
}

#[test]
fn hosts() {
    check(
        "asterctl host add p1/a --ovsdb tcp:10.10.1.1 --transport storage=10.20.1.1 --datapath netdev",
        expect![[
            r#"{"add_host":{"pool":"p1","host":{"name":"a","ovsdb":"tcp:10.10.1.1:6640","datapath":"netdev","transports":{"storage":{"address":"10.20.1.1","mtu":1500}}}}}"#
        ]],
    );
    check(
        "asterctl host add p1/a --ovsdb ssl:10.10.1.1:6641 --transport storage=10.20.1.1,mtu=9000 --transport vm=fd00::1",
        expect![[
            r#"{"add_host":{"pool":"p1","host":{"name":"a","ovsdb":"ssl:10.10.1.1:6641","datapath":"system","transports":{"storage":{"address":"10.20.1.1","mtu":9000},"vm":{"address":"fd00::1","mtu":1500}}}}}"#
        ]],
    );
    check(
        "asterctl host remove p1/a",
        expect![[r#"{"remove_host":{"host":{"pool":"p1","host":"a"},"force":false}}"#]],
    );
    check(
        "asterctl host remove p1/a --force",
        expect![[r#"{"remove_host":{"host":{"pool":"p1","host":"a"},"force":true}}"#]],
    );
    for verb in ["undrain", "enable"] {
        let words = format!("asterctl host {verb} p1/a");
        check(&words, expect![[r#"{"enable_host":{"host":{"pool":"p1","host":"a"}}}"#]]);
    }
    for verb in ["drain", "disable"] {
        let words = format!("asterctl host {verb} p1/a");
        check(&words, expect![[r#"{"disable_host":{"host":{"pool":"p1","host":"a"}}}"#]]);
    }
}

#[test]
fn networks() {
    check(
        "asterctl network create blue --pool p1:storage",
        expect![[
            r#"{"create_network":{"name":"blue","encapsulation":"vxlan","mtu":null,"vni":null,"resilience":"dual","pools":{"p1":{"transport":"storage","preferred_host":null}},"preferred_pool":null}}"#
        ]],
    );
    check(
        "asterctl network create blue --pool p1:storage --pool p2:storage,prefer=a --encapsulation gre --mtu 1400 \
         --vni 100 --prefer-pool p1 --resilience single --detection fast",
        expect![[
            r#"{"create_network":{"name":"blue","encapsulation":"gre","mtu":1400,"vni":100,"resilience":"single","detection":"fast","pools":{"p1":{"transport":"storage","preferred_host":null},"p2":{"transport":"storage","preferred_host":"a"}},"preferred_pool":"p1"}}"#
        ]],
    );
    check(
        "asterctl network update blue --mtu 8900",
        expect![[r#"{"update_network":{"network":"blue","change":{"mtu":8900}}}"#]],
    );
    check(
        "asterctl network update blue --pool p3:storage --remove-pool p2 --prefer-pool p1 --prefer-host p1/a \
         --no-prefer-host p3",
        expect![[
            r#"{"update_network":{"network":"blue","change":{"set_pools":{"p3":{"transport":"storage","preferred_host":null}},"remove_pools":["p2"],"prefer_hosts":{"p1":"a","p3":null},"prefer_pool":"p1"}}}"#
        ]],
    );
    check(
        "asterctl network update blue --no-prefer-pool",
        expect![[r#"{"update_network":{"network":"blue","change":{"prefer_pool":null}}}"#]],
    );
    check("asterctl release blue", expect![[r#"{"release_network":{"network":"blue"}}"#]]);
    check("asterctl network delete blue", expect![[r#"{"delete_network":{"network":"blue"}}"#]]);
}

#[test]
fn moves() {
    for words in ["--pool p1 --to b", "--to p1/b", "--pool p1 --to p1/b"] {
        check(
            &format!("asterctl network move-center blue {words}"),
            expect![[r#"{"move_center":{"network":"blue","host":{"pool":"p1","host":"b"}}}"#]],
        );
    }
    check(
        "asterctl network move-pool-center blue --to p2",
        expect![[r#"{"move_pool_center":{"network":"blue","pool":"p2"}}"#]],
    );
    check_usage(
        "asterctl network move-center blue --to b",
        expect!["--pool: whose host is `b`? expected --pool POOL"],
    );
    check_usage(
        "asterctl network move-center blue --pool p2 --to p1/b",
        expect!["--to: `p1/b` is no host of pool `p2`; expected one of it"],
    );
    check_usage(
        "asterctl network move-center blue --pool p2 --to -b",
        expect!["error: unexpected argument '-b' found"],
    );
}

#[test]
fn settings() {
    check(
        "asterctl cluster settings --bfd-budget 8000 --mode read-only",
        expect![[r#"{"change_settings":{"bfd_budget":8000,"mode":"read_only"}}"#]],
    );
    check("asterctl cluster settings --mode active", expect![[r#"{"change_settings":{"mode":"active"}}"#]]);
    let Noun::Cluster(cluster::Verb::Settings(shown)) = parse("asterctl cluster settings") else {
        unreachable!()
    };
    assert_eq!(shown.operation(), None, "without options it shows");
    check_usage(
        "asterctl cluster settings --mode off",
        expect!["error: invalid value 'off' for '--mode <MODE>'"],
    );
}

#[test]
fn what_dies_is_told_by_its_kind() {
    let words = "asterctl whatif --kill host:p1/a --kill link:p1/a,p2/a --kill controller:2";
    let Noun::Whatif(whatif) = parse(words) else { unreachable!() };
    assert_eq!(whatif.request().kill.len(), 3);
    check_usage("asterctl whatif", expect!["error: the following required arguments were not provided:"]);
    check_usage(
        "asterctl whatif --kill vm:x",
        expect![
            "error: invalid value 'vm:x' for '--kill <WHAT>': `vm`: expected host:POOL/HOST, pool:POOL, link:POOL/HOST,POOL/HOST or controller:ID"
        ],
    );
}

#[test]
fn what_makes_no_sense_is_wrong_usage() {
    check_usage("asterctl pool add -p", expect!["error: unexpected argument '-p' found"]);
    check_usage(
        "asterctl pool add p/1",
        expect![
            "error: invalid value 'p/1' for '<POOL>': `p/1` is not a name: expected 1 to 63 letters, digits, `.`, `_` or `-`, beginning with a letter or digit"
        ],
    );
    check_usage(
        "asterctl host add a --ovsdb tcp:10.0.0.1 --transport s=10.0.0.1",
        expect!["error: invalid value 'a' for '<POOL/HOST>': `a` is not a host: expected POOL/HOST"],
    );
    check_usage(
        "asterctl host add p1/a --ovsdb 10.0.0.1 --transport s=10.0.0.1",
        expect![
            "error: invalid value '10.0.0.1' for '--ovsdb <ENDPOINT>': `10.0.0.1` is not an OVSDB endpoint: expected tcp:IP[:PORT], ssl:IP[:PORT] (IPv6 in brackets) or unix:/PATH of at most 107 bytes"
        ],
    );
    check_usage(
        "asterctl host add p1/a --ovsdb tcp:10.0.0.1",
        expect!["error: the following required arguments were not provided:"],
    );
    check_usage(
        "asterctl host add p1/a --ovsdb tcp:10.0.0.1 --transport s=10.0.0.1 --transport s=10.0.0.2",
        expect!["--transport: `s` is given twice; expected each name once"],
    );
    check_usage(
        "asterctl network create blue",
        expect!["error: the following required arguments were not provided:"],
    );
    check_usage(
        "asterctl network create blue --pool p1:s --vni 16777216",
        expect![
            "error: invalid value '16777216' for '--vni <VNI>': VNI 16777216 is out of range: expected 1 to 16777215"
        ],
    );
    check_usage(
        "asterctl network create blue --pool p1:s --encapsulation ipip",
        expect!["error: invalid value 'ipip' for '--encapsulation <ENCAPSULATION>'"],
    );
    check_usage(
        "asterctl network update blue",
        expect!["nothing to change: see `asterctl network update --help` for what can be"],
    );
    check_usage(
        "asterctl network update blue --prefer-host p1/a --no-prefer-host p1",
        expect!["--prefer-host: pool `p1` is given twice; expected each pool once"],
    );
}

#[test]
fn a_new_cluster_has_its_members_by_id() {
    let words = "asterctl cluster init --member 1=10.0.0.1:7400 --member 2=10.0.0.2:7400 --name lab";
    let Noun::Cluster(cluster::Verb::Init(init)) = parse(words) else { unreachable!() };
    expect![[r#"
        InitClusterRequest {
            cluster_id: "0000000000000000000000000000002a",
            name: "lab",
            members: {
                1: "10.0.0.1:7400",
                2: "10.0.0.2:7400",
            },
        }
    "#]]
    .assert_debug_eq(&init.request(ClusterId(42)).unwrap());

    let twice = "asterctl cluster init --member 1=10.0.0.1:7400 --member 1=10.0.0.2:7400";
    let Noun::Cluster(cluster::Verb::Init(init)) = parse(twice) else { unreachable!() };
    assert!(init.request(ClusterId(42)).unwrap_err().to_string().contains("given twice"));
}

#[test]
fn nothing_is_adopted_without_a_yes() {
    let words = "asterctl adopt --pool p1 --network blue --name 7f5c3b1e-0000-4000-8000-000000000001=green --plugin-is-off p1";
    let request = |words: &str| match parse(words) {
        Noun::Adopt(adopt) => adopt.request(None),
        other => panic!("{other:?}"),
    };
    let shown = request(words);
    assert!(!shown.commit);
    assert_eq!((shown.pools, shown.networks), (vec!["p1".to_owned()], vec!["blue".to_owned()]));
    assert_eq!(shown.names["7f5c3b1e-0000-4000-8000-000000000001"], "green");
    assert_eq!(shown.plugin_is_off, ["p1"]);
    assert!(request(&format!("{words} --yes")).commit);
    assert!(Cli::try_parse_from("asterctl adopt --pool p1 --dry-run --yes".split_whitespace()).is_err());
    assert!(Cli::try_parse_from("asterctl adopt".split_whitespace()).is_err());
}

#[test]
fn a_slash_tells_a_host_from_a_network() {
    let subject = |words: &str| match parse(words) {
        Noun::Explain(explain) => explain.request().0.subject.unwrap(),
        other => panic!("{other:?}"),
    };
    assert_eq!(subject("asterctl explain blue"), Subject::Network("blue".into()));
    assert_eq!(subject("asterctl explain p1/a"), Subject::Host("p1/a".into()));
}
