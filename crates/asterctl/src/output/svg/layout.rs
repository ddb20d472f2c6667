//! Where pools and hosts stand: the root's pool in the middle, the others in a ring around it; in each pool its
//! star-center in the middle, the others on orbits around it.

use std::{collections::BTreeMap, f64::consts::TAU};

use asterism_api::v1;

use crate::view::topology::root_of;

/// Distance from a star-center to its first orbit, and from one orbit to the next.
const FIRST_ORBIT: f64 = 78.0;
const ORBIT_STEP: f64 = 58.0;
/// Room along an orbit for a host and its name.
const HOST_ARC: f64 = 62.0;
/// From the outermost host to the region's edge: its name, and the pool's.
const MARGIN: f64 = 50.0;
/// Between regions: room for a pool's name.
const GAP: f64 = 64.0;
/// How far two outer pools stand below the line through the middle, in radians.
const PAIR_SLOPE: f64 = TAU / 13.0;
const UP: f64 = -TAU / 4.0;
const DOWN: f64 = TAU / 4.0;
/// Where a pool's name may stand, the first that is clear.
const REGION_LABELS: [f64; 4] = [UP, DOWN, UP + TAU / 8.0, UP - TAU / 8.0];
/// Where a star-center's name may stand.
const CENTER_LABELS: [f64; 6] =
    [DOWN, UP, DOWN - TAU / 8.0, DOWN + TAU / 8.0, UP + TAU / 8.0, UP - TAU / 8.0];
/// So far from every way a direction is clear, in radians.
const CLEAR: f64 = TAU / 12.0;
/// So that the last bits of a sine decide nothing: they differ between machines.
const MARGIN_OF_ERROR: f64 = 1e-6;
/// How many turns of an orbit are tried to keep hosts off the way of links between stars.
const TURNS: u32 = 48;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

impl Point {
    pub fn at(center: Self, angle: f64, distance: f64) -> Self {
        Self { x: center.x + angle.cos() * distance, y: center.y + angle.sin() * distance }
    }

    fn angle_to(self, other: Self) -> f64 {
        (other.y - self.y).atan2(other.x - self.x)
    }
}

/// A pool's region.
#[derive(Debug, Clone, Copy)]
pub struct Region {
    pub center: Point,
    pub radius: f64,
    /// The direction in which its name stands, outside.
    pub label: f64,
}

/// A host's place.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub point: Point,
    /// The direction in which its name is out of the way of links.
    pub label: f64,
}

#[derive(Debug, Default)]
pub struct Layout {
    /// By the position of the star in the topology.
    pub regions: Vec<Region>,
    /// By `pool/host`.
    pub hosts: BTreeMap<String, Place>,
}

/// The layout of a topology around the point (0, 0).
pub fn of(topology: &v1::Topology) -> Layout {
    let middle = middle_star(topology);
    let radii: Vec<f64> = topology.stars.iter().map(radius).collect();
    let centers = centers(&radii, middle);
    let mut layout = Layout::default();
    for (index, star) in topology.stars.iter().enumerate() {
        // The ways out of this star: to the middle one, or from it to all others.
        let ways: Vec<f64> = centers
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != index && (index == middle || *other == middle))
            .map(|(_, other)| centers[index].angle_to(*other))
            .collect();
        place_hosts(&mut layout.hosts, star, centers[index], &ways);
        let label = clearest(&REGION_LABELS, &ways);
        layout.regions.push(Region { center: centers[index], radius: radii[index], label });
    }
    layout
}

/// The pool-center, or the first pool where there is none.
fn middle_star(topology: &v1::Topology) -> usize {
    let root = root_of(topology);
    let is_middle =
        |star: &v1::Star| root.is_some() && star.center.as_ref().map(|center| center.holder.as_str()) == root;
    topology.stars.iter().position(is_middle).unwrap_or(0)
}

fn centers(radii: &[f64], middle: usize) -> Vec<Point> {
    let origin = Point { x: 0.0, y: 0.0 };
    let outer: Vec<usize> = (0..radii.len()).filter(|index| *index != middle).collect();
    let mut centers = vec![origin; radii.len()];
    let Some(largest) = outer.iter().map(|index| radii[*index]).reduce(f64::max) else { return centers };
    let count = real(outer.len());
    // Far enough from the middle, and from each other.
    let from_middle = radii[middle] + largest + GAP;
    let from_neighbours =
        if outer.len() > 1 { (largest + GAP / 2.0) / (TAU / count / 2.0).sin() } else { 0.0 };
    let distance = from_middle.max(from_neighbours);
    let is_pair = outer.len() == 2;
    for (position, index) in outer.into_iter().enumerate() {
        let angle = match (is_pair, position) {
            // Two lie below the middle to its right and left: screens are wide.
            (true, 0) => PAIR_SLOPE,
            (true, _) => TAU / 2.0 - PAIR_SLOPE,
            (false, _) => UP + TAU * real(position) / count,
        };
        centers[index] = Point::at(origin, if count < 1.5 { -PAIR_SLOPE } else { angle }, distance);
    }
    centers
}

/// How many hosts an orbit holds.
fn capacity(orbit: usize) -> usize {
    let room = TAU * orbit_radius(orbit) / HOST_ARC;
    // Positive and small.
    room as usize
}

fn orbit_radius(orbit: usize) -> f64 {
    FIRST_ORBIT + ORBIT_STEP * real(orbit)
}

/// How many hosts stand on each orbit.
fn orbits(mut hosts: usize) -> Vec<usize> {
    let mut orbits = Vec::new();
    while hosts > 0 {
        let here = hosts.min(capacity(orbits.len()));
        orbits.push(here);
        hosts -= here;
    }
    orbits
}

fn radius(star: &v1::Star) -> f64 {
    match orbits(around(star).count()).len() {
        0 => MARGIN + 20.0,
        orbits => orbit_radius(orbits - 1) + MARGIN,
    }
}

/// All hosts but the one in the middle.
fn around(star: &v1::Star) -> impl Iterator<Item = &v1::Member> {
    let center = star.center.as_ref().map(|center| center.holder.as_str());
    star.members.iter().filter(move |member| Some(member.host.as_str()) != center)
}

fn place_hosts(hosts: &mut BTreeMap<String, Place>, star: &v1::Star, middle: Point, ways: &[f64]) {
    let orbits = orbits(around(star).count());
    let is_crowded = orbits.len() > 1;
    let mut ways_of_center = ways.to_vec();
    let mut members = around(star);
    for (orbit, count) in orbits.into_iter().enumerate() {
        let step = TAU / real(count);
        let first = clearest_turn(step, count, ways);
        for (position, member) in members.by_ref().take(count).enumerate() {
            let angle = first + step * real(position);
            ways_of_center.push(angle);
            let point = Point::at(middle, angle, orbit_radius(orbit));
            // Outward, away from its link; among many that would meet the next orbit.
            let label = if is_crowded { DOWN } else { angle };
            hosts.insert(member.host.clone(), Place { point, label });
        }
    }
    if let Some(center) = &star.center {
        let label = clearest(&CENTER_LABELS, &ways_of_center);
        hosts.insert(center.holder.clone(), Place { point: middle, label });
    }
}

/// The first of these directions that is clear of all ways, or the clearest.
fn clearest(directions: &[f64], ways: &[f64]) -> f64 {
    let clearance = |direction: f64| ways.iter().map(|way| between(direction, *way)).fold(TAU, f64::min);
    let mut best = (f64::MIN, DOWN);
    for direction in directions {
        let clear = clearance(*direction).min(CLEAR);
        if clear > best.0 + MARGIN_OF_ERROR {
            best = (clear, *direction);
        }
    }
    best.1
}

/// The turn of an orbit that keeps its hosts farthest from the ways. Beginning above the middle if nothing is in the
/// way.
fn clearest_turn(step: f64, count: usize, ways: &[f64]) -> f64 {
    let clearance = |first: f64| {
        let hosts = (0..count).map(|position| first + step * real(position));
        hosts.flat_map(|host| ways.iter().map(move |way| between(host, *way))).fold(TAU, f64::min)
    };
    let mut best = (clearance(UP), UP);
    for turn in 1..TURNS {
        let first = UP + step * f64::from(turn) / f64::from(TURNS);
        let clear = clearance(first);
        if clear > best.0 + MARGIN_OF_ERROR {
            best = (clear, first);
        }
    }
    best.1
}

/// The angle between two directions.
fn between(a: f64, b: f64) -> f64 {
    let apart = (a - b).rem_euclid(TAU);
    apart.min(TAU - apart)
}

/// Counts of pools and hosts are far below 2^52.
fn real(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::fixture::{grid, three_pools};

    fn distance(a: Point, b: Point) -> f64 {
        (a.x - b.x).hypot(a.y - b.y)
    }

    #[test]
    fn regions_never_overlap_and_hold_their_hosts() {
        for (pools, hosts) in [(1, 1), (1, 64), (2, 3), (3, 9), (16, 4), (5, 40)] {
            let topology = grid(pools, hosts);
            let layout = of(&topology);
            for (index, a) in layout.regions.iter().enumerate() {
                for b in &layout.regions[index + 1..] {
                    assert!(distance(a.center, b.center) >= a.radius + b.radius, "{pools} x {hosts}");
                }
                for member in &topology.stars[index].members {
                    assert!(
                        distance(layout.hosts[&member.host].point, a.center) < a.radius,
                        "{pools} x {hosts}"
                    );
                }
            }
        }
    }

    #[test]
    fn hosts_have_room() {
        let layout = of(&grid(2, 48));
        let places: Vec<Point> = layout.hosts.values().map(|place| place.point).collect();
        for (index, a) in places.iter().enumerate() {
            for b in &places[index + 1..] {
                assert!(distance(*a, *b) > 40.0);
            }
        }
    }

    #[test]
    fn the_roots_pool_is_in_the_middle() {
        let mut topology = three_pools();
        topology.stars.swap(0, 2);
        let layout = of(&topology);
        assert_eq!(layout.regions[2].center, Point { x: 0.0, y: 0.0 });
        assert_eq!(layout.hosts["p1/a"].point, layout.regions[2].center);
    }
}
