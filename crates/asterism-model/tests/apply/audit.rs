//! Who changed what: each change that somebody asked for is kept once, with what came of it.

use asterism_model::{AccessRole, AuditResult, Caller, Command, Operation, Timestamp, audit::MAX_AUDIT};
use expect_test::{Expect, expect};

use crate::support::{World, script};

/// The trail after a script whose commands may be refused.
fn check(text: &str, expected: Expect) {
    let mut world = World::default();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        world.apply(&script::parse(line, &world.state));
    }
    let lines = world.state.audit().iter().map(|entry| {
        let result = match &entry.result {
            AuditResult::Applied { revision } => format!("r{revision}"),
            AuditResult::Refused { reason } => format!("refused: {reason}"),
            AuditResult::NotPermitted => "not permitted".to_owned(),
        };
        let (operation, subject) = (&entry.operation, &entry.subject);
        format!("{} @{} {}: {operation} {subject}: {result}\n", entry.sequence, entry.at.0, entry.caller)
    });
    expected.assert_eq(&lines.collect::<String>());
}

#[test]
fn a_change_is_kept_with_who_asked_and_what_came_of_it() {
    check(
        "
        by=root:admin@10.0.0.1 pool p0
        @1000 by=root:admin@10.0.0.1 init lab
        claim c1
        by=alice:operator@10.0.0.9 session
        @2000 s1#1 by=alice:operator@10.0.0.9 pool p1
        s1#1 by=alice:operator@10.0.0.9 pool p1
        s1#2 by=alice:operator@10.0.0.9 pool p1
        s1#9 by=alice:operator@10.0.0.9 pool p2
        by=alice:operator@10.0.0.9 host p1/a lan=10.0.0.1
        by=alice:operator@10.0.0.9 network n1 p1:lan
        by=alice:operator@10.0.0.9 move n1 p1/a
        by=alice:operator@10.0.0.9 settings bfd=500
        @3000 by=bob:viewer@fd00::9 denied Write
        ",
        expect![[r#"
            1 @1000 root (admin) from 10.0.0.1: init_cluster lab: r0
            2 @2000 alice (operator) from 10.0.0.9: add_pool p1: r1
            3 @2000 alice (operator) from 10.0.0.9: add_pool p1: refused: pool: the name `p1` is taken; choose another
            4 @2000 alice (operator) from 10.0.0.9: add_pool p2: refused: request 9 is out of sequence: expected 3, or a retry of the one before
            5 @2000 alice (operator) from 10.0.0.9: add_host p1/a: r2
            6 @2000 alice (operator) from 10.0.0.9: create_network n1: r3
            7 @2000 alice (operator) from 10.0.0.9: move_center n1: refused: pool `p1` of network `n1` has no star-center yet; see `asterctl explain n1` for what it waits for
            8 @2000 alice (operator) from 10.0.0.9: change_settings : r4
            9 @3000 bob (viewer) from fd00::9: Write : not permitted
        "#]],
    );
}

#[test]
fn what_the_controllers_do_by_themselves_is_not_in_the_trail() {
    check(
        "init lab\nclaim c1\npool p1\nhost p1/a 10.0.0.1\nnetwork n1 p1\nadopt n1:vni=1:p1=h1:center=p1",
        expect![""],
    );
}

#[test]
fn details_tell_the_fields_and_no_secret() {
    let mut world = World::of("init lab");
    for line in ["pool p1", "host p1/a lan=10.0.0.1/9000", "xapi-pool x1 pin=ab"] {
        let line = format!("by=alice:operator@10.0.0.9 {line}");
        world.apply(&script::parse(&line, &world.state));
    }
    let details: Vec<&str> = world.state.audit().iter().map(|entry| entry.details.as_str()).collect();
    let [_, host, xapi] = details.as_slice() else { panic!("{details:?}") };
    assert!(host.contains(r#""mtu":9000"#), "{host}");
    assert!(xapi.contains("root") && !xapi.contains("password") && !xapi.contains("sealed"), "{xapi}");
}

#[test]
fn the_trail_is_bounded_and_its_numbers_tell_what_was_dropped() {
    let mut world = World::of("init lab");
    let caller = Caller { name: "x".repeat(64), role: AccessRole::Operator, from: "10.0.0.9".into() };
    let operation = Operation::RecordDenied { method: "Write".into() };
    for at in 0..MAX_AUDIT as u64 + 5 {
        world.state.apply(&Command {
            caller: Some(caller.clone()),
            request: None,
            at: Timestamp(at),
            operation: operation.clone(),
        });
    }
    let trail = world.state.audit();
    assert_eq!((trail.len(), trail[0].sequence), (MAX_AUDIT, 6));
    assert_eq!(world.state.violations(), Vec::<String>::new());
}
