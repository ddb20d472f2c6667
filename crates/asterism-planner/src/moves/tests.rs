//! What the ledger grants and withholds.

use super::*;

const N: NetworkId = NetworkId(1);

fn h(number: u32) -> HostId {
    HostId(number)
}

fn ports(peers: &[u32]) -> Ports {
    BTreeMap::from([(N, peers.iter().copied().map(HostId).collect())])
}

/// What hosts hold; those that are not named may hold anything.
fn ledger(hosts: &[(u32, &[u32])]) -> Ledger {
    let mut ledger = Ledger::default();
    for (host, peers) in hosts {
        ledger.learn(h(*host), ports(peers));
    }
    ledger
}

/// Compares the peers that must wait.
fn check(ledger: &Ledger, host: u32, wants: &[(u32, Want)], expected: &[u32]) {
    let wants = wants.iter().map(|(peer, want)| (h(*peer), *want)).collect();
    let withheld: Vec<u32> = ledger.withheld(N, h(host), &wants).into_iter().map(|peer| peer.0).collect();
    assert_eq!(withheld, expected);
}

#[test]
fn a_center_that_moves_takes_its_leaves_over_at_once() {
    // 2 takes over from 1; 3 still points to 1 and is told later.
    let ledger = ledger(&[(1, &[2, 3]), (2, &[1]), (3, &[1])]);
    check(&ledger, 2, &[(1, Want::Keep), (3, Want::Link)], &[]);
    check(&ledger, 3, &[(2, Want::Link)], &[]);
}

#[test]
fn a_leaf_whose_answer_is_awaited_may_have_either_uplink() {
    let mut ledger = ledger(&[(1, &[2, 3]), (2, &[1]), (3, &[1])]);
    ledger.add(h(3), &ports(&[2]));
    check(&ledger, 2, &[(1, Want::Keep), (3, Want::Link)], &[3]);
    // It answered, and has the new one.
    ledger.learn(h(3), ports(&[2]));
    check(&ledger, 2, &[(1, Want::Keep), (3, Want::Link)], &[]);
}

#[test]
fn a_port_whose_other_end_is_not_there_closes_no_ring() {
    let ledger = ledger(&[(1, &[2]), (2, &[1]), (3, &[])]);
    check(&ledger, 3, &[(1, Want::Link), (2, Want::Link)], &[]);
}

/// Hosts 1, 2, 3 were star-centers one after the other; 1 can't be reached since it was.
#[test]
fn a_third_center_is_not_tunnelled_to_two_hosts_that_may_be_linked() {
    let ledger = ledger(&[(1, &[2, 3]), (2, &[1, 3]), (3, &[2])]);
    check(&ledger, 3, &[(2, Want::Keep), (1, Want::Prepare)], &[1]);
}

#[test]
fn a_host_of_which_nothing_is_known_may_be_linked_to_all_who_have_a_port_to_it() {
    let ledger = ledger(&[(2, &[1, 3]), (3, &[2])]);
    check(&ledger, 3, &[(2, Want::Keep), (1, Want::Prepare)], &[1]);
}

#[test]
fn two_hosts_of_which_nothing_is_known_may_be_linked_to_one_another() {
    let ledger = ledger(&[(3, &[8]), (4, &[9]), (5, &[])]);
    // 5 is wanted by 3 and 4, whose own ways lead to 8 and 9.
    let mut both = ledger;
    both.add(h(3), &ports(&[5]));
    both.add(h(4), &ports(&[5]));
    check(&both, 5, &[(3, Want::Link), (4, Want::Link)], &[4]);
}

#[test]
fn what_is_there_and_works_is_never_taken_back() {
    // Right after a leader change nothing is known of 2, 3 and 4.
    let ledger = ledger(&[(1, &[2, 3, 4]), (5, &[1])]);
    let held = [(2, Want::Keep), (3, Want::Keep), (4, Want::Keep)];
    check(&ledger, 1, &held, &[]);
    check(&ledger, 1, &[held.as_slice(), &[(5, Want::Link)]].concat(), &[]);
}

#[test]
fn a_port_to_a_dead_host_makes_room_for_a_link_between_living_ones() {
    // The root 9 and the center 8 died together; 1 and 2 are their heirs, and 1 was a leaf of 8, 2 of 9.
    let ledger = ledger(&[(8, &[9, 1]), (9, &[8, 2]), (1, &[8, 2]), (2, &[9])]);
    check(&ledger, 2, &[(9, Want::Spare), (1, Want::Link)], &[9]);
}

#[test]
fn a_dead_hosts_port_stays_where_it_is_in_nobodys_way() {
    let ledger = ledger(&[(8, &[1]), (1, &[8]), (2, &[1])]);
    check(&ledger, 1, &[(8, Want::Spare), (2, Want::Link)], &[]);
}

#[test]
fn hosts_of_which_nothing_is_known_come_after_all_others_are_linked() {
    // 3 has no port to 1 yet, and may be joined to the unknown 9 by others.
    let mut ledger = ledger(&[(1, &[2]), (2, &[1]), (3, &[])]);
    let wants = [(2, Want::Keep), (3, Want::Link), (9, Want::Prepare)];
    check(&ledger, 1, &wants, &[9]);
    ledger.add(h(3), &ports(&[1]));
    check(&ledger, 1, &wants, &[]);
}

#[test]
fn other_networks_are_no_concern() {
    let mut ledger = ledger(&[(1, &[2]), (3, &[1])]);
    ledger.learn(h(2), BTreeMap::from([(NetworkId(2), [h(3)].into()), (N, [h(1)].into())]));
    check(&ledger, 3, &[(1, Want::Link), (2, Want::Link)], &[]);
}

#[test]
fn learning_tells_where_it_makes_a_difference() {
    let mut ledger = Ledger::default();
    assert_eq!(ledger.learn(h(1), ports(&[2])), Scope::All, "anything was possible before");
    assert_eq!(ledger.learn(h(1), ports(&[2])), Scope::none());
    assert_eq!(ledger.learn(h(1), ports(&[3])), Scope::Networks([N].into()));
    assert_eq!(ledger.learn(h(1), Ports::new()), Scope::Networks([N].into()));
    assert_eq!(ledger.holders(N).count(), 0);
    assert_eq!(ledger.forget(h(1)), Scope::All);
    assert_eq!(ledger.forget(h(1)), Scope::none());
    assert!(ledger.may_have(N, h(1), h(2)));
}
