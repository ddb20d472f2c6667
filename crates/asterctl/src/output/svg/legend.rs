//! What the marks of a drawing mean; only those that occur in it.

use std::{collections::BTreeSet, fmt::Write as _};

use asterism_api::v1;

use crate::view::topology::stands_by;

use super::{
    layout::Point,
    mark::{Role, state_class},
    text::number,
};

/// Of marks that stand for any pool's.
const COLOR: &str = "#a9b8e8";
/// Of a letter, about, and of what surrounds a text.
const LETTER: f64 = 6.4;
const SPACE: f64 = 8.0;
const GAP: f64 = 26.0;
const LINE: f64 = 26.0;

/// A line of marks and words that begins at (0, 0), and its length.
pub fn draw(topology: &v1::Topology) -> (String, f64) {
    let mut text = String::from("<style>.key .glow { display: none; }</style>\n");
    let mut at = Point { x: 0.0, y: 0.0 };
    for (role, class, word) in hosts(topology) {
        at.x += role.size();
        let shape = role.shape(at, COLOR);
        let _ = writeln!(
            text,
            "<g class=\"key{class}\">{}<text class=\"legend\" x=\"{}\" y=\"{}\">{word}</text></g>",
            shape.trim_end(),
            number(at.x + role.size() + SPACE),
            number(at.y + 4.0)
        );
        at.x += role.size() + SPACE + width(word) + GAP;
    }
    for (class, word) in links(topology) {
        let _ = writeln!(
            text,
            "<path class=\"{class}\" d=\"M{} {}h{LINE}\" fill=\"none\"/>\
             <text class=\"legend\" x=\"{}\" y=\"{}\">{word}</text>",
            number(at.x),
            number(at.y),
            number(at.x + LINE + SPACE),
            number(at.y + 4.0)
        );
        at.x += LINE + SPACE + width(word) + GAP;
    }
    (text, at.x - GAP)
}

fn hosts(topology: &v1::Topology) -> Vec<(Role, &'static str, &'static str)> {
    let mut keys = vec![(Role::Root, "", "root"), (Role::Center, "", "star-center")];
    if topology.stars.iter().any(|star| star.standby.is_some()) {
        keys.push((Role::Standby, "", "standby"));
    }
    keys.push((Role::Host, "", "host"));
    let members = topology.stars.iter().flat_map(|star| &star.members);
    let classes: BTreeSet<&str> = members.map(state_class).collect();
    for class in [" disabled", " unreachable", " dead"] {
        if classes.contains(class) {
            keys.push((Role::Host, class, class.trim_start()));
        }
    }
    keys
}

fn links(topology: &v1::Topology) -> Vec<(&'static str, &'static str)> {
    let has = |state: v1::LinkState, backup: bool| {
        topology.links.iter().any(|link| link.state() == state && stands_by(link) == backup)
    };
    let keys = [
        (has(v1::LinkState::Up, false), "link trunk", "link up"),
        (has(v1::LinkState::Up, true), "link trunk backup", "standing by"),
        (has(v1::LinkState::Drained, false) || has(v1::LinkState::Drained, true), "link drained", "drained"),
        (has(v1::LinkState::Down, false) || has(v1::LinkState::Down, true), "link down", "link down"),
        (
            has(v1::LinkState::Unknown, false) || has(v1::LinkState::Unknown, true),
            "link trunk unseen",
            "link not seen",
        ),
    ];
    keys.into_iter().filter(|(is_there, ..)| *is_there).map(|(_, class, word)| (class, word)).collect()
}

fn width(word: &str) -> f64 {
    // Words of this file: short.
    LETTER * f64::from(u32::try_from(word.len()).unwrap_or(0))
}
