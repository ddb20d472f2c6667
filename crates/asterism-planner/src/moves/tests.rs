//! What the ledger grants and withholds.

use super::*;

const N: NetworkId = NetworkId(1);

fn h(number: u32) -> HostId {
    HostId(number)
}

/// Plain ports to these peers.
fn ports(peers: &[u32]) -> Layouts {
    layouts(&peers.iter().map(std::slice::from_ref).collect::<Vec<_>>())
}

/// Ports with tunnels to these peers.
fn layouts(ports: &[&[u32]]) -> Layouts {
    BTreeMap::from([(N, layout(ports))])
}

fn layout(ports: &[&[u32]]) -> Layout {
    ports.iter().map(|port| port.iter().copied().map(HostId)).collect()
}

/// What hosts hold; those that are not named may hold anything.
fn ledger(hosts: &[(u32, &[u32])]) -> Ledger {
    let mut ledger = Ledger::default();
    for (host, peers) in hosts {
        ledger.learn(h(*host), &ports(peers), &Layouts::new());
    }
    ledger
}

/// Compares the peers that must wait.
fn check(ledger: &Ledger, host: u32, wants: &[(u32, Want)], expected: &[u32]) {
    let plain: Vec<&[u32]> = wants.iter().map(|(peer, _)| std::slice::from_ref(peer)).collect();
    check_ports(ledger, host, &plain, wants, expected);
}

/// The same, of hosts that want them in these ports.
fn check_ports(ledger: &Ledger, host: u32, ports: &[&[u32]], wants: &[(u32, Want)], expected: &[u32]) {
    let wants = wants.iter().map(|(peer, want)| (h(*peer), *want)).collect();
    let withheld = ledger.withheld(N, h(host), &layout(ports), &wants);
    assert_eq!(withheld.into_iter().map(|peer| peer.0).collect::<Vec<_>>(), expected);
}

#[test]
fn a_center_that_moves_takes_its_leaves_over_at_once() {
    // 2 takes over from 1; 3 still points to 1 and is told later.
    let ledger = ledger(&[(1, &[2, 3]), (2, &[1]), (3, &[1])]);
    check(&ledger, 2, &[(1, Want::Keep), (3, Want::Link)], &[]);
    check(&ledger, 3, &[(2, Want::Link)], &[]);
}

#[test]
fn a_leaf_whose_answer_is_awaited_has_one_uplink_or_the_other() {
    let mut ledger = ledger(&[(1, &[2, 3]), (2, &[1]), (3, &[1])]);
    ledger.add(h(3), &ports(&[2]));
    check(&ledger, 2, &[(1, Want::Keep), (3, Want::Link)], &[]);
    // Or both, if it was sent that.
    ledger.add(h(3), &ports(&[1, 2]));
    check(&ledger, 2, &[(1, Want::Keep), (3, Want::Link)], &[3]);
    // It answered, and has the new one.
    ledger.learn(h(3), &ports(&[2]), &Layouts::new());
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
    // 5 is wanted by 3 and 4, whose own ways lead to 8 and 9.
    let ledger = ledger(&[(3, &[8, 5]), (4, &[9, 5]), (5, &[])]);
    check(&ledger, 5, &[(3, Want::Link), (4, Want::Link)], &[4]);
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
    let mut held = ports(&[1]);
    held.insert(NetworkId(2), layout(&[&[3]]));
    ledger.learn(h(2), &held, &Layouts::new());
    check(&ledger, 3, &[(1, Want::Link), (2, Want::Link)], &[]);
}

#[test]
fn learning_tells_where_it_makes_a_difference() {
    let mut ledger = Ledger::default();
    let mut learn = |peers| ledger.learn(h(1), &ports(peers), &Layouts::new());
    assert_eq!(learn(&[2]), Scope::All, "anything was possible before");
    assert_eq!(learn(&[2]), Scope::none());
    assert_eq!(learn(&[3]), Scope::Networks([N].into()));
    assert_eq!(learn(&[]), Scope::Networks([N].into()));
    assert_eq!(ledger.holders(N).count(), 0);
    assert_eq!(ledger.forget(h(1)), Scope::All);
    assert_eq!(ledger.forget(h(1)), Scope::none());
    assert!(ledger.may_have(N, h(1), h(2)));
}

/// A root 1 with its standby 2, a star-center 3 with its standby 4, and 4's leaf 5.
fn dual(change: impl FnOnce(&mut Ledger)) -> Ledger {
    let mut ledger = Ledger::default();
    let hosts: [(u32, &[&[u32]]); 5] = [
        (1, &[&[2], &[3], &[4]]),
        (2, &[&[1], &[3], &[4]]),
        (3, &[&[1, 2], &[4], &[5]]),
        (4, &[&[3, 1, 2], &[5]]),
        (5, &[&[3, 4]]),
    ];
    for (host, ports) in hosts {
        ledger.learn(h(host), &layouts(ports), &Layouts::new());
    }
    change(&mut ledger);
    ledger
}

const KEPT: [(u32, Want); 5] =
    [(1, Want::Keep), (2, Want::Keep), (3, Want::Keep), (4, Want::Keep), (5, Want::Keep)];

fn keep(peers: &[u32]) -> Vec<(u32, Want)> {
    KEPT.into_iter().filter(|(peer, _)| peers.contains(peer)).collect()
}

#[test]
fn a_network_at_rest_may_be_given_again_as_it_is() {
    for host in 1..=5 {
        // As if it were new: it was emptied.
        let ledger = dual(|ledger| {
            ledger.learn(h(host), &Layouts::new(), &Layouts::new());
        });
        let whole = dual(|_| {});
        let [wanted] = whole.layouts(N, h(host)) else { panic!() };
        let wants = wanted.peers().map(|peer| (peer, Want::Link)).collect();
        assert_eq!(ledger.withheld(N, h(host), wanted, &wants), BTreeSet::new(), "{host}");
    }
}

/// 3 and 4 exchange their offices. Both at once with plain ports to one another, above both 1: that is a ring.
#[test]
fn the_standby_waits_for_the_old_center_to_turn_its_port() {
    let swapped = [&[1, 2][..], &[3], &[5]];
    check_ports(&dual(|_| {}), 4, &swapped, &keep(&[1, 2, 3, 5]), &[3]);
    // The old center is not in anyone's way: two of its ports become one.
    check_ports(&dual(|_| {}), 3, &[&[4, 1, 2], &[5]], &keep(&[1, 2, 4, 5]), &[]);
    let turned = dual(|ledger| {
        ledger.learn(h(3), &layouts(&[&[4, 1, 2], &[5]]), &Layouts::new());
    });
    check_ports(&turned, 4, &swapped, &keep(&[1, 2, 3, 5]), &[]);
    // What was sent may not have arrived.
    let sent = dual(|ledger| ledger.add(h(3), &layouts(&[&[4, 1, 2], &[5]])));
    check_ports(&sent, 4, &swapped, &keep(&[1, 2, 3, 5]), &[3]);
}

#[test]
fn a_host_with_one_port_never_waits() {
    let nothing_known = Ledger::default();
    check_ports(
        &nothing_known,
        5,
        &[&[7, 8, 9]],
        &[(7, Want::Link), (8, Want::Prepare), (9, Want::Link)],
        &[],
    );
}

#[test]
fn a_bond_that_is_parted_keeps_what_it_prefers_if_both_may_be_joined() {
    // 5, a leaf, becomes the center below 3 and above 4, which both still hold each other in plain ports.
    let both = dual(|ledger| {
        ledger.learn(h(4), &layouts(&[&[3], &[5]]), &Layouts::new());
    });
    check_ports(&both, 5, &[&[3], &[4]], &keep(&[3, 4]), &[4]);
}

#[test]
fn a_bond_is_not_parted_toward_hosts_of_which_nothing_is_known() {
    let mut ledger = Ledger::default();
    ledger.learn(h(4), &layouts(&[&[5, 6]]), &Layouts::new());
    for want in [Want::Keep, Want::Spare] {
        check_ports(&ledger, 4, &[&[5], &[6]], &[(5, want), (6, want)], &[6]);
    }
}
