//! Time, sessions and epochs.

use asterism_model::{Command, Effect, Operation, Reply, RequestId, SessionId, Timestamp};
use expect_test::expect;

use crate::{check, support::World};

#[test]
fn a_retry_is_applied_once_and_gets_the_same_reply() {
    check(
        "
        init lab
        session
        s1#1 pool p1
        s1#1 pool p1
        s1#2 pool p1
        s1#2 pool p1
        s1#3 remove-pool p1
        s1#2 pool p1
        s1#3 remove-pool p1
        show state
        ",
        expect![[r#"
            > init lab
            r0
            > session
            r0 session s1
            > s1#1 pool p1
            r1 pool p1
            > s1#1 pool p1
            r1 pool p1
            > s1#2 pool p1
            refused: pool: the name `p1` is taken; choose another
            > s1#2 pool p1
            refused: pool: the name `p1` is taken; choose another
            > s1#3 remove-pool p1
            r2
            > s1#2 pool p1
            refused: request 2 is out of sequence: expected 4, or a retry of the one before
            > s1#3 remove-pool p1
            r2
            > show state
            cluster lab, epoch 0, revision 2
        "#]],
    );
}

#[test]
fn a_gap_in_the_sequence_is_refused() {
    check(
        "
        init lab
        session
        s1#2 pool p1
        s1#0 pool p1
        s1#1 pool p1
        s1#3 pool p2
        s1#18446744073709551615 pool p2
        s7#1 pool p2
        show sessions
        ",
        expect![[r#"
            > init lab
            r0
            > session
            r0 session s1
            > s1#2 pool p1
            refused: request 2 is out of sequence: expected 1, or a retry of the one before
            > s1#0 pool p1
            refused: request 0 is out of sequence: expected 1, or a retry of the one before
            > s1#1 pool p1
            r1 pool p1
            > s1#3 pool p2
            refused: request 3 is out of sequence: expected 2, or a retry of the one before
            > s1#18446744073709551615 pool p2
            refused: request 18446744073709551615 is out of sequence: expected 2, or a retry of the one before
            > s7#1 pool p2
            refused: session s7 is unknown or has expired: the outcome of its requests can't be told; look, then open a new session
            > show sessions
            session s1 last used @0, last request 1
        "#]],
    );
}

#[test]
fn a_session_expires_a_day_after_its_last_request_by_replicated_time() {
    check(
        "
        @0 init lab
        @0 session
        @0 session
        @0 s1#1 pool p1
        @10000 s2#1 pool p2
        @86400000 pool p3
        show sessions
        @86400001 pool p4
        show sessions
        s1#2 pool p5
        s1#1 pool p1
        ",
        expect![[r#"
            > @0 init lab
            r0
            > @0 session
            r0 session s1
            > @0 session
            r0 session s2
            > @0 s1#1 pool p1
            r1 pool p1
            > @10000 s2#1 pool p2
            r2 pool p2
            > @86400000 pool p3
            r3 pool p3
            > show sessions
            session s1 last used @0, last request 1
            session s2 last used @10000, last request 1
            > @86400001 pool p4
            r4 pool p4
            > show sessions
            session s2 last used @10000, last request 1
            > s1#2 pool p5
            refused: session s1 is unknown or has expired: the outcome of its requests can't be told; look, then open a new session
            > s1#1 pool p1
            refused: session s1 is unknown or has expired: the outcome of its requests can't be told; look, then open a new session
        "#]],
    );
}

#[test]
fn time_never_goes_back() {
    check(
        "
        @1000 init lab
        @500 pool p1
        show time
        @2000 remove-pool nobody
        show time
        show events
        ",
        expect![[r#"
            > @1000 init lab
            r0
            > @500 pool p1
            r1 pool p1
            > show time
            1000 ms
            > @2000 remove-pool nobody
            refused: pool: there is no pool `nobody`; pools: p1
            > show time
            2000 ms
            > show events
            1 @1000 cluster lab initialised
            2 @1000 pool p1 added
        "#]],
    );
}

#[test]
fn a_cluster_is_initialised_once() {
    check(
        "
        pool p1
        session
        claim c1
        s1#1 pool p1
        init lab id=7
        init lab id=7
        init lab id=8
        init other id=7
        show state
        show events
        ",
        expect![[r#"
            > pool p1
            refused: the cluster is not initialised: run `asterctl cluster init` first
            > session
            refused: the cluster is not initialised: run `asterctl cluster init` first
            > claim c1
            refused: the cluster is not initialised: run `asterctl cluster init` first
            > s1#1 pool p1
            refused: session s1 is unknown or has expired: the outcome of its requests can't be told; look, then open a new session
            > init lab id=7
            r0
            > init lab id=7
            r0
            > init lab id=8
            refused: the cluster is initialised already, as `lab`
            > init other id=7
            refused: the cluster is initialised already, as `lab`
            > show state
            cluster lab, epoch 0, revision 0
            > show events
            1 @0 cluster lab initialised
        "#]],
    );
}

#[test]
fn each_claim_raises_the_epoch() {
    check(
        "
        init lab
        claim c1
        claim c1
        claim c2
        show state
        ",
        expect![[r#"
            > init lab
            r0
            > claim c1
            r0 epoch 1
            > claim c1
            r0 epoch 2
            > claim c2
            r0 epoch 3
            > show state
            cluster lab, epoch 3 of c2, revision 0
        "#]],
    );
}

#[test]
fn the_session_unused_for_longest_makes_room() {
    let mut world = World::of("@1 init lab");
    for at in 2..=1025 {
        world.apply(&Command {
            caller: None,
            request: None,
            at: Timestamp(at),
            operation: Operation::OpenSession,
        });
    }
    // The first one is used, so that the second is the oldest.
    let request = |session, sequence| Some(RequestId { session: SessionId(session), sequence });
    let add = |name: &str| Operation::AddPool { name: name.parse().unwrap() };
    let mut ask =
        |request, operation| world.apply(&Command { caller: None, request, at: Timestamp(2000), operation });
    let applied = |reply| matches!(reply, Reply::Applied { .. });
    assert!(applied(ask(request(1, 1), add("p1"))));
    let opened = Reply::Applied { revision: 1, effect: Effect::Session(SessionId(1025)) };
    assert_eq!(ask(None, Operation::OpenSession), opened);
    assert!(!applied(ask(request(2, 1), add("p2"))), "the second session made room");
    assert!(applied(ask(request(1, 2), add("p2"))));
    assert!(applied(ask(request(3, 1), add("p3"))));
}

#[test]
fn a_session_that_made_room_for_the_one_it_opened_is_gone() {
    let mut world = World::of("@1 init lab");
    for at in 2..=1025 {
        world.apply(&Command {
            caller: None,
            request: None,
            at: Timestamp(at),
            operation: Operation::OpenSession,
        });
    }
    let request = Some(RequestId { session: SessionId(1), sequence: 1 });
    let open = Command { caller: None, request, at: Timestamp(2000), operation: Operation::OpenSession };
    let opened = Reply::Applied { revision: 0, effect: Effect::Session(SessionId(1025)) };
    // `World` checks that there is not one session too many.
    assert_eq!(world.apply(&open), opened);
    assert!(matches!(world.apply(&open), Reply::Refused(_)));
}

#[test]
fn only_the_last_thousand_events_are_kept() {
    let mut world = World::of("init lab");
    for node in 0..1200 {
        world.execute(Operation::ClaimEpoch { node: asterism_model::NodeId(node) });
    }
    let events = world.state.events();
    assert_eq!((events.len(), events[0].sequence, events[999].sequence), (1000, 202, 1201));
}
