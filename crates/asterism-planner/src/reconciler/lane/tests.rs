//! One lane by itself: what it asks of its host, and what each answer leads to.

use asterism_model::{ClusterId, HostDiff};

use super::*;
use crate::moves::Layout;
use crate::testing::support::FakeHost;

fn door() -> Door {
    Door { endpoint: "tcp:10.0.0.1".parse().unwrap(), certificate: None, authority: None }
}

const US: Leadership = Leadership { cluster: ClusterId(1), epoch: 5 };
const NOW: Tick = Tick(1000);

fn fence(epoch: u64, revision: u64) -> Fence {
    Fence { cluster: US.cluster, epoch, revision }
}

/// A lane and its host, which stores a fence of the leader before.
fn connected() -> (Lane, FakeHost) {
    let mut host = FakeHost::new(HostId(1));
    host.claim(fence(4, 77));
    let mut lane = Lane::new(door(), Tick(0));
    observe(&mut lane, &host);
    (lane, host)
}

/// A lane that was claimed and has looked.
fn ready() -> (Lane, FakeHost) {
    let (mut lane, mut host) = connected();
    let sent = lane.claim(US, 10, NOW);
    take_claim(&mut lane, sent, host.claim(sent)).unwrap();
    observe(&mut lane, &host);
    assert_eq!(lane.phase, Phase::Ready { fence: fence(5, 10) });
    (lane, host)
}

/// [`ready`] with a transaction under way.
fn in_flight() -> (Lane, FakeHost, Fence) {
    let (mut lane, host) = ready();
    let target = HostTarget { host: HostId(1), revision: 10, bridges: Default::default() };
    let sent = lane.send(US, &target, NOW);
    (lane, host, sent)
}

fn observe(lane: &mut Lane, host: &FakeHost) -> bool {
    lane.observe(Arc::new(host.rows.clone()), US, NOW)
}

fn take_claim(lane: &mut Lane, sent: Fence, outcome: ClaimOutcome) -> Result<(), Superseded> {
    lane.take_claim(sent, outcome, &Settings::default(), NOW)
}

fn take_outcome(lane: &mut Lane, sent: Fence, outcome: Outcome) {
    lane.take_outcome(sent, outcome, US, &Settings::default(), NOW);
}

/// The peers that the host may have tunnels to; `None`: to anyone.
fn may_hold(lane: &Lane) -> Option<Vec<HostId>> {
    let (shown, sent) = lane.holding.layouts()?;
    Some(shown.values().chain(sent.values()).flat_map(Layout::peers).collect())
}

#[test]
fn a_host_is_claimed_before_it_is_believed() {
    let (lane, _) = connected();
    assert_eq!(lane.phase, Phase::Unclaimed { not_before: NOW });
    assert_eq!(may_hold(&lane), None, "the leader before may still write");
    assert!(!lane.wants_confirmation(), "its fence keeps the leader before out");
    let (lane, _) = ready();
    assert_eq!(may_hold(&lane), Some(Vec::new()));
}

#[test]
fn an_answer_may_come_before_its_picture_and_after_it() {
    let (mut lane, mut host) = connected();
    let sent = lane.claim(US, 10, NOW);
    let outcome = host.claim(sent);
    observe(&mut lane, &host);
    assert!(matches!(lane.phase, Phase::Claiming { .. }));
    take_claim(&mut lane, sent, outcome).unwrap();
    assert_eq!(lane.phase, Phase::Ready { fence: sent });
}

#[test]
fn no_two_writes_share_a_fence() {
    let (mut lane, _, sent) = in_flight();
    assert_eq!(sent, fence(5, 11));
    take_outcome(&mut lane, sent, Outcome::Unknown("lost".into()));
    assert_eq!(lane.claim(US, 10, NOW), fence(5, 12));
    // A state that has gone on further is above that anyway.
    assert_eq!(lane.claim(US, 40, NOW), fence(5, 40));
}

#[test]
fn what_was_not_answered_may_be_there_until_the_host_is_claimed_again() {
    let (mut lane, mut host) = ready();
    let tunnel = asterism_model::Tunnel {
        name: "at1-2".into(),
        peer: HostId(2),
        encapsulation: asterism_model::Encapsulation::Vxlan,
        local_ip: "10.0.0.1".parse().unwrap(),
        remote_ip: "10.0.0.2".parse().unwrap(),
        key: asterism_model::Vni::MIN,
        bfd: asterism_model::Bfd { interval_ms: 100, is_drained: false },
    };
    let port = asterism_model::TargetPort {
        name: tunnel.name.clone(),
        role: asterism_model::PortRole::Uplink,
        tunnels: vec![tunnel],
        is_open: false,
    };
    let bridge = asterism_model::TargetBridge {
        name: "ast1".into(),
        network: NetworkId(1),
        owner: asterism_model::BridgeOwner::Ours,
        adoption: None,
        datapath: asterism_model::Datapath::System,
        mtu: 1400,
        ports: [(port.name.clone(), port)].into(),
    };
    let target = HostTarget { host: HostId(1), revision: 10, bridges: [(NetworkId(1), bridge)].into() };
    let sent = lane.send(US, &target, NOW);
    let expected = Some(vec![HostId(2)]);
    assert_eq!(may_hold(&lane), expected);
    take_outcome(&mut lane, sent, Outcome::Unknown("lost".into()));
    assert_eq!(may_hold(&lane), expected);
    lane.lose_session("reset".into(), NOW);
    observe(&mut lane, &host);
    assert_eq!(may_hold(&lane), expected, "the transaction may still arrive");
    let sent = lane.claim(US, 10, NOW);
    take_claim(&mut lane, sent, host.claim(sent)).unwrap();
    observe(&mut lane, &host);
    assert_eq!(may_hold(&lane), Some(Vec::new()));
}

#[test]
fn an_older_picture_does_not_end_the_looking() {
    let (mut lane, mut host, sent) = in_flight();
    let before = host.rows.clone();
    assert_eq!(host.transact(sent, &HostDiff::empty(HostId(1), 10)), Outcome::Applied);
    take_outcome(&mut lane, sent, Outcome::Applied);
    lane.observe(Arc::new(before), US, NOW);
    assert!(matches!(lane.phase, Phase::Looking { .. }));
    observe(&mut lane, &host);
    assert_eq!(lane.phase, Phase::Ready { fence: sent });
}

#[test]
fn a_refused_transaction_is_tried_again_after_a_pause_that_grows() {
    let (mut lane, _, sent) = in_flight();
    take_outcome(&mut lane, sent, Outcome::Rejected("constraint violation".into()));
    let first = Settings::default().shortest_pause;
    assert_eq!(lane.phase, Phase::BackingOff { fence: fence(5, 10), until: NOW + first });
    lane.resume(fence(5, 10));
    let target = HostTarget { host: HostId(1), revision: 10, bridges: Default::default() };
    let sent = lane.send(US, &target, NOW);
    take_outcome(&mut lane, sent, Outcome::Rejected("constraint violation".into()));
    assert_eq!(lane.phase, Phase::BackingOff { fence: fence(5, 10), until: NOW + first * 2 });
}

#[test]
fn a_later_leaders_fence_is_never_written_upon() {
    // Our transaction was refused for its own sake; before we hear of it, a later leader has claimed the host.
    let (mut lane, mut host, sent) = in_flight();
    host.claim(fence(6, 1));
    observe(&mut lane, &host);
    take_outcome(&mut lane, sent, Outcome::Rejected("constraint violation".into()));
    assert!(matches!(lane.phase, Phase::Unclaimed { .. }), "{:?}", lane.phase);
    let sent = lane.claim(US, 10, NOW);
    assert_eq!(take_claim(&mut lane, sent, host.claim(sent)), Err(Superseded { epoch: 6 }));
}

#[test]
fn a_late_write_of_our_own_is_outbid() {
    let (mut lane, mut host) = ready();
    lane.unclaim(NOW);
    let sent = lane.claim(US, 10, NOW);
    host.claim(fence(5, 30));
    take_claim(&mut lane, sent, host.claim(sent)).unwrap();
    assert!(matches!(lane.phase, Phase::Unclaimed { .. }));
    assert_eq!(lane.claim(US, 10, NOW), fence(5, 31));
}

#[test]
fn another_clusters_host_is_left_alone_until_its_fence_changes() {
    let mut host = FakeHost::new(HostId(1));
    host.claim(Fence { cluster: ClusterId(2), epoch: 1, revision: 1 });
    let mut lane = Lane::new(door(), Tick(0));
    observe(&mut lane, &host);
    let sent = lane.claim(US, 10, NOW);
    let outcome = ClaimOutcome::Refused(host.rows.fence.clone());
    take_claim(&mut lane, sent, outcome).unwrap();
    assert!(matches!(lane.phase, Phase::Barred { .. }));
    host.edit(|rows| {
        rows.foreign_names.insert("vif1.0".into());
    });
    observe(&mut lane, &host);
    assert!(matches!(lane.phase, Phase::Barred { .. }));
    host.edit(|rows| rows.fence = StoredFence::Absent);
    observe(&mut lane, &host);
    assert!(matches!(lane.phase, Phase::Unclaimed { .. }));
    assert!(lane.evidence.barred.is_some(), "until it is claimed");
}

#[test]
fn an_emptied_host_may_hold_anything_and_waits_for_the_log() {
    let (mut lane, mut host) = ready();
    host.empty();
    lane.lose_session("reset".into(), NOW);
    observe(&mut lane, &host);
    assert_eq!(may_hold(&lane), None);
    assert!(lane.wants_confirmation());
    lane.confirm(NOW);
    assert!(!lane.wants_confirmation());
    // Emptied once more: what the log said is older than that.
    lane.lose_session("reset".into(), NOW);
    lane.confirm(NOW);
    observe(&mut lane, &host);
    assert!(lane.wants_confirmation());
}
