//! A topology as a tree for eyes: the root, its own pool's hosts, and each other star under its star-center.

use std::fmt::Write as _;

use asterism_api::v1;

use crate::view::{time, time_short, topology::root_of, word};

/// One network. Ends with a newline.
pub fn render(topology: &v1::Topology) -> String {
    let mut text = heading(topology);
    match root_of(topology) {
        Some(root) => write_root(&mut text, topology, root),
        None => text.push_str("no root: no pool has a star-center yet\n"),
    }
    for star in topology.stars.iter().filter(|star| star.center.is_none()) {
        let hosts: Vec<&str> = star.members.iter().map(|member| member.host.as_str()).collect();
        let hosts = if hosts.is_empty() { "none".to_owned() } else { hosts.join(", ") };
        let _ = writeln!(text, "pool {} has no star-center; its hosts: {hosts}", star.pool);
    }
    for line in moves(topology).iter().chain(&topology.waiting) {
        let _ = writeln!(text, "→ {line}");
    }
    text
}

/// What is under way, a sentence each.
pub fn moves(topology: &v1::Topology) -> Vec<String> {
    let mut moves = Vec::new();
    if let Some(next) = &topology.next_pool {
        let why = word!(Cause, "CAUSE_", next.cause).replace('_', " ");
        moves.push(format!("the pool-center moves to {} ({why})", next.pool));
    }
    for star in &topology.stars {
        if let Some(next) = &star.next {
            let why = word!(Cause, "CAUSE_", next.cause).replace('_', " ");
            moves.push(format!("the star-center of {} moves to {} ({why})", star.pool, next.host));
        }
        if let Some(drain) = &star.drain {
            moves.push(drained(drain));
        }
    }
    if topology.next_pool.as_ref().is_some_and(|next| next.is_drained) {
        moves.push("the root and its standby are drained of other pools".into());
    }
    moves
}

fn drained(drain: &v1::Drain) -> String {
    let extent = match drain.extent() {
        // Of a newer server.
        v1::DrainExtent::Unspecified => "",
        v1::DrainExtent::Announced => return format!("{} is about to be drained", drain.host),
        v1::DrainExtent::Standby => " of its standby",
        v1::DrainExtent::All => " of all below",
        v1::DrainExtent::Cut => " of all below, and has no tunnels to them for now",
    };
    format!("{} is drained{extent}", drain.host)
}

/// `blue: vxlan, VNI 100, MTU 1400, single`
pub fn heading(topology: &v1::Topology) -> String {
    format!("{}: {}\n", topology.network, properties(topology).join(", "))
}

/// What a network is, a few words each.
pub fn properties(topology: &v1::Topology) -> Vec<String> {
    let mut properties = vec![
        word!(Encapsulation, "ENCAPSULATION_", topology.encapsulation),
        topology.vni.map_or_else(|| "no VNI yet".to_owned(), |vni| format!("VNI {vni}")),
        format!("MTU {}", topology.mtu),
        word!(Resilience, "RESILIENCE_", topology.resilience),
    ];
    if topology.detection() == v1::Detection::Fast {
        properties.push("fast".into());
    }
    properties
}

/// A line of the tree, with those under it.
struct Node {
    line: String,
    below: Vec<Node>,
}

fn write_root(text: &mut String, topology: &v1::Topology, root: &str) {
    let mut below = Vec::new();
    let mut line = root.to_owned();
    for star in &topology.stars {
        let Some(center) = &star.center else { continue };
        let mut members: Vec<&v1::Member> =
            star.members.iter().filter(|member| member.host != center.holder).collect();
        // The standby is named before those whose other way up it is.
        members.sort_by_key(|member| star.standby.as_ref() != Some(&member.host));
        let leaves = members.into_iter().map(|member| {
            let mark = if star.standby.as_ref() == Some(&member.host) { "☆ " } else { "" };
            Node { line: format!("{mark}{}", leaf(topology, member)), below: Vec::new() }
        });
        if center.holder == root {
            line = center_line("★", "root", topology, star, center);
            // The root's own hosts come first.
            below.splice(0..0, leaves);
        } else {
            let line = center_line("✦", "star-center", topology, star, center);
            below.push(Node { line, below: leaves.collect() });
        }
    }
    let _ = writeln!(text, "{line}");
    write_below(text, &below, "");
}

fn write_below(text: &mut String, nodes: &[Node], indent: &str) {
    for (position, node) in nodes.iter().enumerate() {
        let is_last = position + 1 == nodes.len();
        let (branch, further) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let _ = writeln!(text, "{indent}{branch}{}", node.line);
        write_below(text, &node.below, &format!("{indent}{further}"));
    }
}

fn center_line(
    mark: &str,
    rank: &str,
    topology: &v1::Topology,
    star: &v1::Star,
    center: &v1::Choice,
) -> String {
    let chosen = format!("{} since {}", cause(center), time_short(&time(center.since_ms)));
    let host = match star.members.iter().find(|member| member.host == center.holder) {
        Some(member) => leaf(topology, member),
        None => center.holder.clone(),
    };
    format!("{mark} {host}  {rank} of {} ({chosen})", star.pool)
}

/// Why it was chosen, so that nobody takes the cause for its own state.
fn cause(center: &v1::Choice) -> &'static str {
    match center.cause() {
        v1::Cause::First | v1::Cause::Unspecified => "the first,",
        v1::Cause::Preferred => "preferred,",
        v1::Cause::Disabled => "the one before was disabled,",
        v1::Cause::Removed => "the one before was removed,",
        v1::Cause::Dead => "the one before died,",
        v1::Cause::CutOff => "the one before was cut off,",
        v1::Cause::Moved => "moved here,",
    }
}

/// A host with its address and what is wrong with it.
fn leaf(topology: &v1::Topology, member: &v1::Member) -> String {
    let mut line = format!("{}  {}", member.host, member.address);
    let remarks = remarks(topology, member);
    if !remarks.is_empty() {
        let _ = write!(line, "  [{}]", remarks.join(", "));
    }
    line
}

fn remarks(topology: &v1::Topology, member: &v1::Member) -> Vec<String> {
    let mut remarks = Vec::new();
    match member.health() {
        v1::Health::Dead => remarks.push("✗ dead".to_owned()),
        v1::Health::Unreachable => remarks.push("? unreachable".to_owned()),
        v1::Health::Alive | v1::Health::Unspecified => {}
    }
    match member.standing() {
        v1::Standing::Disabled => remarks.push("disabled".to_owned()),
        v1::Standing::Leaving => remarks.push("leaving".to_owned()),
        v1::Standing::Enabled | v1::Standing::Unspecified => {}
    }
    match member.rank() {
        v1::Rank::RootStandby | v1::Rank::Standby => remarks.push("standby".to_owned()),
        v1::Rank::NextRootStandby => remarks.push("standby".to_owned()),
        v1::Rank::Root
        | v1::Rank::NextRoot
        | v1::Rank::StarCenter
        | v1::Rank::Leaf
        | v1::Rank::Unspecified => {}
    }
    if topology.resilience() == v1::Resilience::Dual && member.uplinks() == v1::Uplinks::One {
        remarks.push("can't bond: one uplink".to_owned());
    }
    for link in topology.links.iter().filter(|link| link.from == member.host) {
        match link.state() {
            v1::LinkState::Down => remarks.push(format!("✗ link to {} is down", link.to)),
            v1::LinkState::Unknown => remarks.push(format!("? link to {} is not seen", link.to)),
            v1::LinkState::Up | v1::LinkState::Drained => {}
        }
        if link.is_backup && link.is_active() {
            remarks.push(format!("goes over {}", link.to));
        }
    }
    remarks
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::output::fixture::{dual_pools, moving_pools, three_pools, undecided};

    #[test]
    fn three_pools_make_a_star_of_stars() {
        expect![[r#"
            blue: vxlan, VNI 100, MTU 1400, single
            ★ p1/a  10.20.1.1  root of p1 (preferred, since 2026-02-25T06:13:20Z)
            ├─ p1/b  10.20.1.2
            ├─ p1/c  10.20.1.3  [disabled]
            ├─ ✦ p2/a  10.20.2.1  star-center of p2 (the one before died, since 2026-02-25T06:13:20Z)
            │  ├─ p2/b  10.20.2.2
            │  └─ p2/c  10.20.2.3  [✗ dead, ✗ link to p2/a is down]
            └─ ✦ p3/b  10.20.3.2  star-center of p3 (the first, since 2026-02-25T06:13:20Z)
               ├─ p3/a  10.20.3.1
               └─ p3/c  10.20.3.3  [? unreachable, ? link to p3/b is not seen]
        "#]]
        .assert_eq(&render(&three_pools()));
    }

    #[test]
    fn standbys_have_a_mark_and_whoever_uses_his_second_way_says_so() {
        expect![[r#"
            blue: vxlan, VNI 100, MTU 1400, dual, fast
            ★ p1/a  10.20.1.1  root of p1 (preferred, since 2026-02-25T06:13:20Z)
            ├─ ☆ p1/b  10.20.1.2  [standby]
            ├─ p1/c  10.20.1.3
            ├─ ✦ p2/a  10.20.2.1  star-center of p2 (the one before died, since 2026-02-25T06:13:20Z)
            │  ├─ ☆ p2/b  10.20.2.2  [standby]
            │  └─ p2/c  10.20.2.3  [✗ link to p2/a is down, goes over p2/b]
            └─ ✦ p3/b  10.20.3.2  star-center of p3 (the first, since 2026-02-25T06:13:20Z)
               ├─ ☆ p3/a  10.20.3.1  [standby]
               └─ p3/c  10.20.3.3  [can't bond: one uplink]
        "#]]
        .assert_eq(&render(&dual_pools()));
    }

    #[test]
    fn what_is_under_way_stands_below_the_tree() {
        let text = render(&moving_pools());
        let below: Vec<&str> = text.lines().filter(|line| line.starts_with('→')).collect();
        expect![[r#"
            → the pool-center moves to p3 (moved)
            → the star-center of p2 moves to p2/c (moved)
            → p2/b is drained of all below
            → the root and its standby are drained of other pools
            → pool p2's change of standby from p2/b to p2/c waits: until p1/a answers"#]]
        .assert_eq(&below.join("\n"));
    }

    #[test]
    fn a_drain_says_from_whom() {
        let drain = |extent: i32| drained(&v1::Drain { host: "p2/b".into(), extent });
        let of = |extent: v1::DrainExtent| drain(extent.into());
        assert_eq!(of(v1::DrainExtent::Standby), "p2/b is drained of its standby");
        assert_eq!(
            of(v1::DrainExtent::Cut),
            "p2/b is drained of all below, and has no tunnels to them for now"
        );
        assert_eq!(drain(99), "p2/b is drained", "as a newer server may say");
    }

    #[test]
    fn a_network_without_choices_says_so() {
        expect![[r#"
            new: gre, no VNI yet, MTU 1458, single
            no root: no pool has a star-center yet
            pool p1 has no star-center; its hosts: p1/a, p1/b
        "#]]
        .assert_eq(&render(&undecided()));
    }
}
