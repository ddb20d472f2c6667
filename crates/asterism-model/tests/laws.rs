//! What holds of `apply` and of the stored form for every history.

#![allow(clippy::unwrap_used)]

#[path = "support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{
    NetworkState, Operation, Reply, decode_command, decode_state, encode_command, encode_state,
    stored::digest,
};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use support::{
    World,
    generate::{Step, history},
    run::essence,
};

proptest! {
    /// P8, with `World::apply` as the judge: it panics where a state is invalid, or where a refusal changed one.
    #[test]
    fn every_command_is_answered_and_leaves_a_valid_state(steps in history()) {
        let mut world = World::default();
        for step in steps {
            world.apply(&step.command(&world.state));
        }
    }

    #[test]
    fn time_and_ids_only_go_forward(steps in history()) {
        let mut state = NetworkState::default();
        let mut given_out = BTreeSet::new();
        for step in steps {
            let before = state.clone();
            let command = step.command(&state);
            let is_retry = command.request.is_some();
            if let Reply::Applied { effect, .. } = state.apply(&command) {
                let is_new_thing = state.revision() > before.revision() && !matches!(command.operation, Operation::AdoptTopology { .. });
                if is_new_thing && !is_retry && format!("{effect:?}") != "Done" {
                    prop_assert!(given_out.insert(format!("{effect:?}")), "{effect:?} was given out twice");
                }
            }
            prop_assert!(state.clock() >= before.clock());
            prop_assert!(state.epoch() >= before.epoch());
        }
    }

}

proptest! {
    // Each looks at every state twice, and a machine with two cores has more to do.
    #![proptest_config(Config::with_cases(100))]

    /// A request that is sent again has its first effect and no other.
    #[test]
    fn a_retry_gets_the_same_reply_and_changes_nothing(steps in history()) {
        let mut world = World::default();
        for step in steps {
            let command = step.command(&world.state);
            let reply = world.apply(&command);
            if command.request.is_some() {
                let after = essence(&world.state);
                prop_assert_eq!(world.apply(&command), reply);
                prop_assert_eq!(essence(&world.state), after);
            }
        }
    }

    /// Counters at their ends refuse, and don't wrap.
    #[test]
    fn used_up_counters_are_refused(steps in history(), counters in used_up_counters()) {
        let mut world = World::default();
        for (index, step) in steps.iter().enumerate() {
            if index == 20 {
                world.state = with_counters(&world.state, &counters);
            }
            world.apply(&step.command(&world.state));
        }
    }

    /// P9: a replica that applied all, and one that was restored from a snapshot on the way.
    #[test]
    fn a_restored_replica_agrees_with_one_that_applied_all(steps in history(), snapshot_after in 0..70_usize) {
        let mut whole = NetworkState::default();
        let mut log = Vec::new();
        let mut snapshot = encode_state(&whole);
        for (index, step) in steps.iter().enumerate() {
            let entry = encode_command(&step.command(&whole));
            let command = decode_command(&entry).unwrap();
            prop_assert_eq!(encode_command(&command), entry.clone(), "decoding is the inverse of encoding");
            let reply = whole.apply(&command);
            log.push((entry, reply));
            if index == snapshot_after {
                snapshot = encode_state(&whole);
                log.clear();
            }
        }
        let mut restored = decode_state(&snapshot).unwrap();
        prop_assert_eq!(&encode_state(&restored), &snapshot);
        for (entry, reply) in log {
            prop_assert_eq!(restored.apply(&decode_command(&entry).unwrap()), reply);
        }
        prop_assert_eq!(digest(&restored), digest(&whole));
        prop_assert_eq!(restored, whole);
    }

    #[test]
    fn bytes_that_are_not_ours_are_refused_and_not_panicked_at(bytes in any::<Vec<u8>>()) {
        prop_assert!(decode_state(&bytes).is_err());
        prop_assert!(decode_command(&bytes).is_err());
    }

    /// Whatever single byte is damaged: it is refused, or it reads as another value that is written just so.
    #[test]
    fn a_damaged_byte_is_never_passed_over(steps in history(), place in any::<prop::sample::Index>(), byte: u8) {
        let mut state = NetworkState::default();
        for step in steps {
            state.apply(&step.command(&state));
        }
        let mut bytes = encode_state(&state);
        let place = place.index(bytes.len());
        prop_assume!(bytes[place] != byte);
        bytes[place] = byte;
        if let Ok(read) = decode_state(&bytes) {
            prop_assert_ne!(read, state);
        }
    }
}

/// The laws say something only where the generators reach what they speak of.
#[test]
fn histories_apply_and_refuse_every_operation_and_meet_most_refusals() {
    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    let mut refusals = BTreeSet::new();
    for _ in 0..400 {
        let steps: Vec<Step> = history().new_tree(&mut runner).unwrap().current();
        let mut state = NetworkState::default();
        for step in steps {
            let command = step.command(&state);
            let reply = state.apply(&command);
            let counts = seen.entry(variant(&command.operation)).or_default();
            match reply {
                Reply::Applied { .. } => counts.0 += 1,
                Reply::Refused(refusal) => {
                    counts.1 += 1;
                    refusals.insert(variant(&refusal));
                }
            }
        }
    }
    assert_eq!(seen.len(), 24, "{seen:?}");
    for (operation, (applied, refused)) in &seen {
        assert!(*applied >= 10, "{operation}: {applied} applied, {refused} refused");
        // Refused only where the cluster is not initialised, or never.
        let hardly_refused = ["OpenSession", "ClaimEpoch", "RecordDenied"].contains(&operation.as_str());
        assert!(hardly_refused || *refused >= 10, "{operation}: {applied} applied, {refused} refused");
    }
    assert!(refusals.len() >= 30, "{} refusals: {refusals:?}", refusals.len());
}

/// The name of an enum's variant.
fn variant(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().to_owned()
}

fn used_up_counters() -> impl Strategy<Value = BTreeMap<&'static str, u64>> {
    let at_end = |last: u64| prop_oneof![Just(last), Just(last - 1)];
    let small = || at_end(u64::from(u32::MAX));
    let large = || at_end(u64::MAX);
    let ids = || at_end(u64::from(asterism_model::target::MAX_ID));
    (small(), ids(), ids(), large(), large(), large()).prop_map(
        |(last_pool, last_host, last_network, last_session, epoch, clock)| {
            [
                ("last_pool", last_pool),
                ("last_host", last_host),
                ("last_network", last_network),
                ("last_session", last_session),
                ("epoch", epoch),
                ("clock", clock),
                ("revision", clock),
                ("last_event", clock),
            ]
            .into()
        },
    )
}

/// The state with counters put forward, as after ages of use.
fn with_counters(state: &NetworkState, counters: &BTreeMap<&str, u64>) -> NetworkState {
    let mut stored: serde_json::Value = serde_json::from_slice(&encode_state(state)).unwrap();
    for (name, number) in counters {
        stored["value"][*name] = (*number).into();
    }
    serde_json::from_value(stored["value"].clone()).unwrap()
}

proptest! {
    #![proptest_config(Config::with_cases(100))]

    /// Whatever happened since, an old state of the same cluster can be put in place, and is a valid one.
    #[test]
    fn any_earlier_state_can_be_restored(steps in history(), when in any::<prop::sample::Index>()) {
        let mut world = World::default();
        let when = when.index(steps.len().max(1));
        let mut old = None;
        for (place, step) in steps.iter().enumerate() {
            world.apply(&step.command(&world.state));
            if place == when {
                old = Some(world.state.clone());
            }
        }
        let before = world.state.clone();
        let Some(old) = old.filter(|old| old.cluster().is_some()) else { return Ok(()) };
        let restore = Operation::RestoreState { state: old.clone().for_restore().into(), members: BTreeSet::new() };
        let is_done = matches!(world.execute(restore), Reply::Applied { .. });
        prop_assert!(is_done);
        prop_assert!(world.state.epoch() > before.epoch() && world.state.revision() > before.revision());
        prop_assert_eq!(world.state.networks(), old.networks());
        let served: BTreeSet<_> = world.state.hosts().keys().copied().collect();
        prop_assert!(old.hosts().keys().all(|host| served.contains(host)));
    }
}
