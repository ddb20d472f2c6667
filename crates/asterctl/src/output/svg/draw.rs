//! How a laid-out topology looks: a night sky, pools as soft regions, hosts as dots, centers as stars.

use std::fmt::Write as _;

use asterism_api::v1;

use super::{
    PALETTE_SIZE,
    layout::{Layout, Place, Point, Region},
    legend,
    mark::{Role, state_class},
    palette,
    text::{escape, number, shortened},
};
use crate::{
    output::{
        table::counted,
        tree::{moves, properties},
    },
    view::{
        topology::{root_of, stands_by},
        word,
    },
};

const HEADER: f64 = 88.0;
const FOOTER: f64 = 60.0;
const EDGE: f64 = 36.0;
/// The drawing that the title's and the legend's size is made for; on a wider one they grow.
const NORMAL_WIDTH: f64 = 1200.0;
/// Of a pool's name beyond its region.
const NAME_HEIGHT: f64 = 28.0;
/// How far a link that is second choice bends off the straight way, by its length.
const BOW: f64 = 0.22;
/// Longest names that are drawn, in characters; the whole one is in the title that a pointer shows.
const POOL_NAME: usize = 28;
const HOST_NAME: usize = 16;

const STYLE: &str = "\
    text { font-family: Inter, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif; fill: #dfe6ff; }
    .title { font-size: 26px; font-weight: 600; fill: #f4f6ff; }
    .subtitle { font-size: 13px; fill: #9fb0e0; }
    .pool { font-size: 14px; font-weight: 600; text-anchor: middle; letter-spacing: 1px; }
    .name { font-size: 11px; paint-order: stroke; stroke: #0d1430; stroke-width: 3px; stroke-linejoin: round; }
    .legend { font-size: 11px; fill: #9fb0e0; }
    .link { stroke-width: 1.6; stroke-opacity: 0.75; }
    .trunk { stroke: #ffe3a3; stroke-width: 2.6; stroke-opacity: 0.9; }
    .unseen { stroke-opacity: 0.35; }
    .backup { stroke-width: 1.1; stroke-opacity: 0.5; stroke-dasharray: 5 5; }
    .drained { stroke: #ffc66b; }
    .down { stroke: #ff6b6b; stroke-opacity: 0.95; stroke-dasharray: 6 5; }
    .dead .dot { fill: #0d1430; stroke: #ff6b6b; stroke-width: 1.8; stroke-dasharray: 3 2.4; }
    .unreachable .dot { fill: #0d1430; stroke: #ffc66b; stroke-width: 1.8; stroke-dasharray: 3 2.4; }
    .disabled .dot { fill: #0d1430; stroke-width: 1.8; }
    .dead .name { fill: #ff9c9c; } .unreachable .name { fill: #ffd798; } .disabled .name { fill: #9fb0e0; }
";

/// The drawing as it grows.
pub struct Canvas<'a> {
    topology: &'a v1::Topology,
    layout: &'a Layout,
    root: Option<&'a str>,
    width: f64,
    height: f64,
    /// Of the title and the legend.
    scale: f64,
    /// What turns the layout's places into the drawing's.
    shift: Point,
    legend: String,
    svg: String,
}

impl<'a> Canvas<'a> {
    pub fn new(topology: &'a v1::Topology, layout: &'a Layout) -> Self {
        let bounds = Bounds::of(&layout.regions);
        let legend = legend::draw(topology);
        let width = bounds.width().max(legend.1) + 2.0 * EDGE;
        let scale = (width / NORMAL_WIDTH).max(1.0);
        let shift =
            Point { x: width / 2.0 - (bounds.left + bounds.right) / 2.0, y: HEADER * scale - bounds.top };
        let mut canvas = Self {
            topology,
            layout,
            root: root_of(topology),
            width,
            height: (HEADER + FOOTER) * scale + bounds.height(),
            scale,
            shift,
            legend: legend.0,
            svg: String::new(),
        };
        canvas.begin();
        canvas
    }

    fn begin(&mut self) {
        let (width, height) = (number(self.width), number(self.height));
        let name = escape(&self.topology.network);
        let properties = escape(&self.subtitle());
        let _ = write!(
            self.svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
             <title>Private network {name}</title>\n<desc>{properties}</desc>\n<style>\n{STYLE}</style>\n"
        );
        self.definitions();
        let _ =
            writeln!(self.svg, "<rect width=\"{width}\" height=\"{height}\" rx=\"18\" fill=\"url(#sky)\"/>");
        self.background_stars();
        let _ = writeln!(
            self.svg,
            "<g transform=\"translate({} 0) scale({})\">\
             <text class=\"title\" y=\"46\">{name}</text>\n\
             <text class=\"subtitle\" y=\"68\">{properties}</text></g>",
            number(EDGE),
            number(self.scale)
        );
    }

    fn subtitle(&self) -> String {
        let stars = &self.topology.stars;
        let hosts: usize = stars.iter().map(|star| star.members.len()).sum();
        let down = self.topology.links.iter().filter(|link| link.state() == v1::LinkState::Down).count();
        let mut parts = properties(self.topology);
        parts.push(counted(stars.len(), "pool"));
        parts.push(counted(hosts, "host"));
        if down > 0 {
            parts.push(format!("{} down", counted(down, "link")));
        }
        parts.extend(moves(self.topology));
        parts.join("  ·  ")
    }

    fn definitions(&mut self) {
        self.svg.push_str(
            "<defs>\n\
             <linearGradient id=\"sky\" x1=\"0\" y1=\"0\" x2=\"0.35\" y2=\"1\">\
             <stop offset=\"0\" stop-color=\"#0a1026\"/><stop offset=\"1\" stop-color=\"#18224a\"/>\
             </linearGradient>\n\
             <radialGradient id=\"gold\"><stop offset=\"0\" stop-color=\"#ffe08a\" stop-opacity=\"0.75\"/>\
             <stop offset=\"1\" stop-color=\"#ffe08a\" stop-opacity=\"0\"/></radialGradient>\n",
        );
        for index in 0..self.topology.stars.len().min(PALETTE_SIZE) {
            let color = palette(index);
            let _ = writeln!(
                self.svg,
                "<radialGradient id=\"pool{index}\"><stop offset=\"0\" stop-color=\"{color}\" \
                 stop-opacity=\"0.30\"/><stop offset=\"0.72\" stop-color=\"{color}\" stop-opacity=\"0.12\"/>\
                 <stop offset=\"1\" stop-color=\"{color}\" stop-opacity=\"0.05\"/></radialGradient>"
            );
        }
        self.svg.push_str("</defs>\n");
    }

    /// A few faint dots, the same in every drawing of that size.
    fn background_stars(&mut self) {
        // Knuth's MMIX generator: any would do, it is only to look scattered.
        let mut seed: u64 = 0x5eed;
        let mut next = |limit: f64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f64::from((seed >> 40) as u32) / f64::from(1_u32 << 24) * limit
        };
        let count = (self.width * self.height / 9000.0) as u32;
        self.svg.push_str("<g fill=\"#ffffff\">\n");
        for _ in 0..count.min(400) {
            let (x, y) = (next(self.width), next(self.height));
            let (radius, opacity) = (0.4 + next(0.7), 0.12 + next(0.4));
            let _ = writeln!(
                self.svg,
                "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" opacity=\"{}\"/>",
                number(x),
                number(y),
                number(radius),
                number(opacity)
            );
        }
        self.svg.push_str("</g>\n");
    }

    /// Pools.
    pub fn regions(&mut self) {
        for (index, region) in self.layout.regions.iter().enumerate() {
            let center = self.shifted(region.center);
            let label = Point::at(center, region.label, region.radius + 16.0);
            let _ = writeln!(
                self.svg,
                "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"url(#pool{})\" stroke=\"{color}\" \
                 stroke-opacity=\"0.35\"/>\n\
                 <text class=\"pool\" x=\"{}\" y=\"{}\" style=\"fill: {color}\">{}</text>",
                number(center.x),
                number(center.y),
                number(region.radius),
                index % PALETTE_SIZE,
                number(label.x),
                number(label.y + 5.0),
                escape(&shortened(&self.topology.stars[index].pool, POOL_NAME)),
                color = palette(index),
            );
        }
    }

    /// Tunnels.
    pub fn links(&mut self) {
        let (backups, in_use): (Vec<_>, Vec<_>) =
            self.topology.links.iter().partition(|link| stands_by(link));
        for link in backups.into_iter().chain(in_use) {
            let (Some(from), Some(to)) = (self.place(&link.from), self.place(&link.to)) else { continue };
            let (from, to) = (from.point, to.point);
            let (from_pool, to_pool) = (self.pool_of(&link.from), self.pool_of(&link.to));
            let mut class = String::from(if from_pool == to_pool { "link" } else { "link trunk" });
            match link.state() {
                v1::LinkState::Down => class.push_str(" down"),
                v1::LinkState::Unknown => class.push_str(" unseen"),
                v1::LinkState::Drained => class.push_str(" drained"),
                v1::LinkState::Up => {}
            }
            let color = palette(from_pool.unwrap_or(0));
            let title = format!(
                "{} to {}: {}{}",
                escape(&link.from),
                escape(&link.to),
                word!(LinkState, "LINK_STATE_", link.state),
                if stands_by(link) { ", stands by" } else { "" }
            );
            if stands_by(link) {
                class.push_str(" backup");
            }
            let shape = if link.is_backup {
                let away_from = match from_pool {
                    Some(pool) if from_pool == to_pool => self.shifted(self.layout.regions[pool].center),
                    Some(_) | None => Point { x: self.width / 2.0, y: self.height },
                };
                bow(from, to, away_from)
            } else {
                format!("M{} {}L{} {}", number(from.x), number(from.y), number(to.x), number(to.y))
            };
            let _ = writeln!(
                self.svg,
                "<path class=\"{class}\" d=\"{shape}\" fill=\"none\" stroke=\"{color}\">\
                 <title>{title}</title></path>",
            );
        }
    }

    /// Hosts, on top of everything.
    pub fn hosts(&mut self) {
        for (index, star) in self.topology.stars.iter().enumerate() {
            for member in &star.members {
                let Some(place) = self.place(&member.host) else { continue };
                let is_center = star.center.as_ref().is_some_and(|center| center.holder == member.host);
                let is_standby = star.standby.as_ref() == Some(&member.host);
                let role = match (self.root == Some(member.host.as_str()), is_center, is_standby) {
                    (true, ..) => Role::Root,
                    (false, true, _) => Role::Center,
                    (false, false, true) => Role::Standby,
                    (false, false, false) => Role::Host,
                };
                self.draw_host(member, role, place, palette(index));
            }
        }
    }

    fn draw_host(&mut self, member: &v1::Member, role: Role, place: Place, color: &str) {
        let name = member.host.rsplit('/').next().unwrap_or(&member.host);
        let rank = word!(Rank, "RANK_", member.rank).replace('_', " ");
        let health = word!(Health, "HEALTH_", member.health);
        let _ = writeln!(
            self.svg,
            "<g class=\"host{}\"><title>{}: {rank}, {}, {health}</title>",
            state_class(member),
            escape(&member.host),
            escape(&member.address),
        );
        self.svg.push_str(&role.shape(place.point, color));
        let label = Point::at(place.point, place.label, role.size() + 11.0);
        // Beside the host a name begins or ends there, above and below it is centered.
        let anchor = match place.label.cos() {
            right if right > 0.35 => "start",
            left if left < -0.35 => "end",
            _ => "middle",
        };
        let _ = writeln!(
            self.svg,
            "<text class=\"name\" x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text></g>",
            number(label.x),
            number(label.y + 4.0),
            escape(&shortened(name, HOST_NAME))
        );
    }

    /// The legend and the end.
    pub fn finish(mut self) -> String {
        let _ = writeln!(
            self.svg,
            "<g transform=\"translate({} {}) scale({})\">\n{}</g>\n</svg>",
            number(EDGE),
            number(self.height - 28.0 * self.scale),
            number(self.scale),
            self.legend
        );
        self.svg
    }

    fn shifted(&self, point: Point) -> Point {
        Point { x: point.x + self.shift.x, y: point.y + self.shift.y }
    }

    fn place(&self, host: &str) -> Option<Place> {
        let place = self.layout.hosts.get(host)?;
        Some(Place { point: self.shifted(place.point), ..*place })
    }

    /// The position of a host's star.
    fn pool_of(&self, host: &str) -> Option<usize> {
        let stars = &self.topology.stars;
        stars.iter().position(|star| star.members.iter().any(|member| member.host == host))
    }
}

/// A way that leaves the straight one to first choices: from one end of a star to the other, that leads through its center.
fn bow(from: Point, to: Point, away_from: Point) -> String {
    let (along, across) = ((to.x - from.x) / 2.0, (to.y - from.y) / 2.0);
    let bend = |side: f64| Point {
        x: from.x + along - across * BOW * side,
        y: from.y + across + along * BOW * side,
    };
    let distance = |point: Point| (point.x - away_from.x).hypot(point.y - away_from.y);
    // Through the middle one side is as good as the other; the last bits of a root don't decide.
    let bend = if distance(bend(-1.0)) > distance(bend(1.0)) + 0.5 { bend(-1.0) } else { bend(1.0) };
    let [from, bend, to] = [from, bend, to].map(|point| format!("{} {}", number(point.x), number(point.y)));
    format!("M{from}Q{bend} {to}")
}

/// The box around all regions.
struct Bounds {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Bounds {
    fn of(regions: &[Region]) -> Self {
        let empty = Self { left: 0.0, right: 0.0, top: 0.0, bottom: 0.0 };
        regions.iter().fold(empty, |bounds, Region { center, radius, .. }| Self {
            left: bounds.left.min(center.x - radius),
            right: bounds.right.max(center.x + radius),
            top: bounds.top.min(center.y - radius - NAME_HEIGHT),
            bottom: bounds.bottom.max(center.y + radius + NAME_HEIGHT),
        })
    }

    fn width(&self) -> f64 {
        self.right - self.left
    }

    fn height(&self) -> f64 {
        self.bottom - self.top
    }
}
