//! The marks of hosts: a gold star for the root, a four-pointed one for a star-center, a hollow one for a standby, a dot
//! for any other.

use std::{f64::consts::TAU, fmt::Write as _};

use asterism_api::v1;

use super::{layout::Point, text::number};

/// What a host is, as far as it is drawn.
#[derive(Clone, Copy)]
pub enum Role {
    Root,
    Center,
    Standby,
    Host,
}

impl Role {
    /// Its radius.
    pub fn size(self) -> f64 {
        match self {
            Self::Root => 15.0,
            Self::Center => 10.0,
            Self::Standby => 8.0,
            Self::Host => 6.0,
        }
    }

    pub fn shape(self, place: Point, color: &str) -> String {
        let (x, y) = (number(place.x), number(place.y));
        match self {
            Self::Root => format!(
                "<circle class=\"glow\" cx=\"{x}\" cy=\"{y}\" r=\"34\" fill=\"url(#gold)\"/>\
                 <path class=\"dot\" d=\"{}\" fill=\"#ffd76a\"/>\n",
                star_path(place, 5, self.size(), 6.4)
            ),
            Self::Center => format!(
                "<circle cx=\"{x}\" cy=\"{y}\" r=\"15\" fill=\"{color}\" fill-opacity=\"0.22\"/>\
                 <path class=\"dot\" d=\"{}\" fill=\"{color}\" stroke=\"#f4f6ff\" stroke-width=\"1\"/>\n",
                star_path(place, 4, 12.0, 5.2)
            ),
            Self::Standby => format!(
                "<path class=\"dot\" d=\"{}\" fill=\"#141d42\" stroke=\"{color}\" stroke-width=\"1.6\"/>\n",
                star_path(place, 4, 11.0, 5.0)
            ),
            Self::Host => {
                format!(
                    "<circle class=\"dot\" cx=\"{x}\" cy=\"{y}\" r=\"6\" fill=\"{color}\" stroke=\"{color}\" \
                     stroke-width=\"0\"/>\n"
                )
            }
        }
    }
}

/// A star with its first point up.
fn star_path(center: Point, points: u32, outer: f64, inner: f64) -> String {
    let mut path = String::new();
    for corner in 0..points * 2 {
        let radius = if corner % 2 == 0 { outer } else { inner };
        let angle = -TAU / 4.0 + TAU * f64::from(corner) / f64::from(points * 2);
        let letter = if corner == 0 { 'M' } else { 'L' };
        let (x, y) = (center.x + angle.cos() * radius, center.y + angle.sin() * radius);
        let _ = write!(path, "{letter}{} {}", number(x), number(y));
    }
    path.push('Z');
    path
}

pub fn state_class(member: &v1::Member) -> &'static str {
    match (member.health(), member.standing()) {
        (v1::Health::Dead, _) => " dead",
        (v1::Health::Unreachable, _) => " unreachable",
        (v1::Health::Alive | v1::Health::Unspecified, v1::Standing::Disabled | v1::Standing::Leaving) => {
            " disabled"
        }
        (v1::Health::Alive | v1::Health::Unspecified, v1::Standing::Enabled | v1::Standing::Unspecified) => {
            ""
        }
    }
}
