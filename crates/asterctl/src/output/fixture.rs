//! Topologies for tests of printers.

use asterism_api::v1;

/// Three pools of three: `p1/a` is root, `p2/a` took over from a dead host, `p3/c` is unreachable, `p2/c` is dead.
pub fn three_pools() -> v1::Topology {
    let mut stars = vec![
        star("p1", "a", v1::Cause::Preferred, &["a", "b", "c"]),
        star("p2", "a", v1::Cause::Dead, &["a", "b", "c"]),
        star("p3", "b", v1::Cause::First, &["a", "b", "c"]),
    ];
    stars[0].members[0].rank = v1::Rank::Root.into();
    stars[0].members[2].standing = v1::Standing::Disabled.into();
    stars[1].members[2].health = v1::Health::Dead.into();
    stars[2].members[2].health = v1::Health::Unreachable.into();
    let up = v1::LinkState::Up;
    v1::Topology {
        network_id: 1,
        network: "blue".into(),
        encapsulation: v1::Encapsulation::Vxlan.into(),
        mtu: 1400,
        vni: Some(100),
        resilience: v1::Resilience::Single.into(),
        pool_center: Some(choice("p1", v1::Cause::Preferred)),
        stars,
        links: vec![
            link("p1/b", "p1/a", up),
            link("p1/c", "p1/a", up),
            link("p2/a", "p1/a", up),
            link("p2/b", "p2/a", up),
            link("p2/c", "p2/a", v1::LinkState::Down),
            link("p3/a", "p3/b", up),
            link("p3/b", "p1/a", up),
            link("p3/c", "p3/b", v1::LinkState::Unknown),
        ],
        revision: 12,
        ..Default::default()
    }
}

/// The same three pools with standbys `p1/b`, `p2/b` and `p3/a`, all well but for `p2/c`, which lost its link to `p2/a`, and
/// `p3/c`, which can't bond.
pub fn dual_pools() -> v1::Topology {
    let mut topology = three_pools();
    topology.resilience = v1::Resilience::Dual.into();
    topology.detection = v1::Detection::Fast.into();
    for (star, standby) in topology.stars.iter_mut().zip(["p1/b", "p2/b", "p3/a"]) {
        star.standby = Some(standby.into());
        for member in &mut star.members {
            member.health = v1::Health::Alive.into();
            member.standing = v1::Standing::Enabled.into();
            member.uplinks = v1::Uplinks::Several.into();
            if member.host == standby {
                member.rank = v1::Rank::Standby.into();
            }
        }
    }
    topology.stars[0].members[1].rank = v1::Rank::RootStandby.into();
    topology.stars[2].members[2].uplinks = v1::Uplinks::One.into();
    let uplinks: [(&str, &[&str]); 8] = [
        ("p1/b", &["p1/a"]),
        ("p1/c", &["p1/a", "p1/b"]),
        ("p2/a", &["p1/a", "p1/b"]),
        ("p2/b", &["p2/a", "p1/a", "p1/b"]),
        ("p2/c", &["p2/a", "p2/b"]),
        ("p3/a", &["p3/b", "p1/a", "p1/b"]),
        ("p3/b", &["p1/a", "p1/b"]),
        ("p3/c", &["p3/b"]),
    ];
    topology.links = uplinks
        .into_iter()
        .flat_map(|(from, peers)| peers.iter().enumerate().map(move |(place, to)| (from, place, *to)))
        .map(|(from, place, to)| {
            let is_lost = (from, to) == ("p2/c", "p2/a");
            let is_active = if from == "p2/c" { place == 1 } else { place == 0 };
            let state = if is_lost { v1::LinkState::Down } else { v1::LinkState::Up };
            let (is_backup, is_active) = (place > 0, Some(is_active));
            v1::Link { is_backup, is_active, interval_ms: 15, ..link(from, to, state) }
        })
        .collect();
    topology
}

/// On its way to `p3` as pool-center, and to `p2/c` as star-center of `p2`.
pub fn moving_pools() -> v1::Topology {
    let mut topology = dual_pools();
    let moved = v1::Cause::Moved.into();
    topology.next_pool = Some(v1::NextPool { pool: "p3".into(), cause: moved, is_drained: true });
    let star = &mut topology.stars[1];
    star.next = Some(v1::NextCenter { host: "p2/c".into(), cause: moved });
    star.drain = Some(v1::Drain { host: "p2/b".into(), extent: v1::DrainExtent::All.into() });
    topology.waiting.push("pool p2's change of standby from p2/b to p2/c waits: until p1/a answers".into());
    topology
}

/// One pool, just created: nothing is chosen yet.
pub fn undecided() -> v1::Topology {
    let mut star = star("p1", "a", v1::Cause::First, &["a", "b"]);
    star.center = None;
    for member in &mut star.members {
        member.rank = v1::Rank::Unspecified.into();
    }
    v1::Topology {
        network_id: 2,
        network: "new".into(),
        encapsulation: v1::Encapsulation::Gre.into(),
        mtu: 1458,
        resilience: v1::Resilience::Single.into(),
        stars: vec![star],
        ..Default::default()
    }
}

/// `pools` pools of `hosts` hosts each, all well.
pub fn grid(pools: usize, hosts: usize) -> v1::Topology {
    let names: Vec<String> = (1..=hosts).map(|host| format!("host-{host:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut topology = v1::Topology {
        network: "everything".into(),
        encapsulation: v1::Encapsulation::Geneve.into(),
        mtu: 1450,
        vni: Some(7),
        resilience: v1::Resilience::Single.into(),
        pool_center: Some(choice("pool-01", v1::Cause::First)),
        ..Default::default()
    };
    for pool in 1..=pools {
        let pool = format!("pool-{pool:02}");
        let center = format!("{pool}/{}", names[0]);
        for name in &names[1..] {
            topology.links.push(link(&format!("{pool}/{name}"), &center, v1::LinkState::Up));
        }
        if pool != "pool-01" {
            topology.links.push(link(&center, "pool-01/host-01", v1::LinkState::Up));
        }
        topology.stars.push(star(&pool, names[0], v1::Cause::First, &names));
    }
    topology
}

fn star(pool: &str, center: &str, cause: v1::Cause, hosts: &[&str]) -> v1::Star {
    let pool_number = pool.trim_start_matches(|char: char| !char.is_ascii_digit());
    let members = hosts.iter().enumerate().map(|(index, host)| v1::Member {
        host: format!("{pool}/{host}"),
        rank: if *host == center { v1::Rank::StarCenter } else { v1::Rank::Leaf }.into(),
        standing: v1::Standing::Enabled.into(),
        address: format!("10.20.{pool_number}.{}", index + 1),
        health: v1::Health::Alive.into(),
        ..Default::default()
    });
    v1::Star {
        pool: pool.into(),
        transport: "storage".into(),
        center: Some(choice(&format!("{pool}/{center}"), cause)),
        members: members.collect(),
        ..Default::default()
    }
}

fn choice(holder: &str, cause: v1::Cause) -> v1::Choice {
    v1::Choice { holder: holder.into(), cause: cause.into(), since_ms: 1_772_000_000_000, evidence: None }
}

fn link(from: &str, to: &str, state: v1::LinkState) -> v1::Link {
    let state = state.into();
    v1::Link {
        from: from.into(),
        to: to.into(),
        state,
        state_at_from: state,
        state_at_to: state,
        ..Default::default()
    }
}
