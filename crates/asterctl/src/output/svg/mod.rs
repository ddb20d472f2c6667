//! A topology as a drawing: the star of stars as a constellation, one soft region for each pool.
//!
//! A pure function of the topology: the same one gives the same bytes. [`layout`] says where everything stands, `draw`
//! how it looks.

mod draw;
mod layout;
mod legend;
mod mark;
mod text;

use asterism_api::v1;

use draw::Canvas;

const PALETTE_SIZE: usize = 8;
const PALETTE: [&str; PALETTE_SIZE] =
    ["#7aa7ff", "#5fd3bc", "#c79bf2", "#ffab73", "#8ed081", "#ff8fa8", "#e4cf6b", "#6fd0f0"];

/// The color of a star's pool, by its position in the topology.
pub fn palette(index: usize) -> &'static str {
    PALETTE[index % PALETTE_SIZE]
}

/// One network.
pub fn render(topology: &v1::Topology) -> String {
    let layout = layout::of(topology);
    let mut canvas = Canvas::new(topology, &layout);
    canvas.regions();
    canvas.links();
    canvas.hosts();
    canvas.finish()
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;

    use super::*;
    use crate::output::fixture::{dual_pools, grid, moving_pools, three_pools, undecided};

    #[test]
    fn three_pools_are_drawn_as_before() {
        expect_file!["snapshots/three_pools.svg"].assert_eq(&render(&three_pools()));
    }

    #[test]
    fn pools_with_standbys_are_drawn_as_before() {
        expect_file!["snapshots/dual_pools.svg"].assert_eq(&render(&dual_pools()));
    }

    #[test]
    fn what_is_under_way_stands_in_the_subtitle() {
        let svg = render(&moving_pools());
        assert!(svg.contains("the pool-center moves to p3 (moved)"));
        assert!(svg.contains("p2/b is drained of all below"));
    }

    #[test]
    fn a_network_without_choices_is_drawn_too() {
        expect_file!["snapshots/undecided.svg"].assert_eq(&render(&undecided()));
    }

    #[test]
    fn every_host_and_link_is_in_the_drawing() {
        let topology = grid(16, 32);
        let svg = render(&topology);
        assert_eq!(svg.matches("<g class=\"host").count(), 16 * 32);
        assert_eq!(
            svg.matches("<path class=\"link").count() - 1,
            topology.links.len(),
            "one is the legend's"
        );
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "every number is one");
    }

    #[test]
    fn a_topology_without_anything_is_drawn() {
        assert!(render(&v1::Topology::default()).ends_with("</svg>\n"));
    }

    #[test]
    fn what_names_hold_stays_text() {
        let mut topology = three_pools();
        topology.network = "<script>&\"".into();
        topology.stars[0].members[1].host = "p1/<b>".into();
        let svg = render(&topology);
        assert!(!svg.contains("<script>") && !svg.contains("<b>"));
        assert!(svg.contains("&lt;script&gt;&amp;&quot;"));
    }
}
