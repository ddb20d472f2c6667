//! A topology for Graphviz.

use std::fmt::Write as _;

use asterism_api::v1;

use super::{svg::palette, tree::properties};
use crate::view::topology::{root_of, stands_by};

/// One network as a graph of one cluster per pool.
pub fn render(topology: &v1::Topology) -> String {
    let mut text = String::new();
    let title = format!("{}: {}", topology.network, properties(topology).join(", "));
    let _ = writeln!(text, "graph {} {{", quote(&topology.network));
    let _ = writeln!(text, "  label={}; labelloc=t; fontname=\"sans-serif\"; layout=fdp;", quote(&title));
    text.push_str("  node [shape=circle, style=filled, fontname=\"sans-serif\", fontsize=10];\n");
    let root = root_of(topology);
    for (index, star) in topology.stars.iter().enumerate() {
        write_star(&mut text, star, root, palette(index));
    }
    for link in &topology.links {
        let _ = writeln!(text, "  {} -- {} [{}];", quote(&link.from), quote(&link.to), link_style(link));
    }
    text.push_str("}\n");
    text
}

fn write_star(text: &mut String, star: &v1::Star, root: Option<&str>, color: &str) {
    let _ = writeln!(text, "  subgraph {} {{", quote(&format!("cluster_{}", star.pool)));
    let _ = writeln!(
        text,
        "    label={}; style=\"rounded,filled\"; color=\"{color}\"; fillcolor=\"{color}22\";",
        quote(&star.pool)
    );
    for member in &star.members {
        let name = member.host.rsplit('/').next().unwrap_or(&member.host);
        let is_center = star.center.as_ref().is_some_and(|center| center.holder == member.host);
        let is_standby = star.standby.as_ref() == Some(&member.host);
        let shape = match (root == Some(member.host.as_str()), is_center, is_standby) {
            (true, ..) => "shape=star, fillcolor=\"#ffd166\"".to_owned(),
            (false, true, _) => format!("shape=doublecircle, fillcolor=\"{color}\""),
            (false, false, true) => format!("fillcolor=\"{color}88\", color=\"{color}\", penwidth=3"),
            (false, false, false) => format!("fillcolor=\"{color}88\""),
        };
        let health = match member.health() {
            v1::Health::Dead => ", style=dashed, color=\"#d1495b\", fontcolor=\"#d1495b\"",
            v1::Health::Unreachable => ", style=\"filled,dashed\", color=\"#edae49\"",
            v1::Health::Alive | v1::Health::Unspecified => "",
        };
        let _ = writeln!(text, "    {} [label={}, {shape}{health}];", quote(&member.host), quote(name));
    }
    text.push_str("  }\n");
}

/// What stands by holds nothing in its place: layouts are made of the links in use.
fn link_style(link: &v1::Link) -> &'static str {
    match (link.state(), stands_by(link)) {
        (v1::LinkState::Down, false) => "style=dashed, color=\"#d1495b\"",
        (v1::LinkState::Down, true) => "style=dotted, color=\"#d1495b\", constraint=false, weight=0",
        (v1::LinkState::Up, false) => "style=solid",
        (v1::LinkState::Up, true) => "style=dotted, constraint=false, weight=0",
        (v1::LinkState::Drained, _) => "style=dotted, color=\"#edae49\", constraint=false, weight=0",
        (v1::LinkState::Unknown, false) => "style=solid, color=\"#999999\"",
        (v1::LinkState::Unknown, true) => "style=dotted, color=\"#999999\", constraint=false, weight=0",
    }
}

/// A quoted id of the DOT language.
fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::output::fixture::{dual_pools, three_pools};

    #[test]
    fn second_links_are_dotted_and_standbys_ringed() {
        let text = render(&dual_pools());
        let of_p2 = text.lines().filter(|line| line.contains("p2/"));
        expect![[r##"
            "p2/a" [label="a", shape=doublecircle, fillcolor="#5fd3bc"];
            "p2/b" [label="b", fillcolor="#5fd3bc88", color="#5fd3bc", penwidth=3];
            "p2/c" [label="c", fillcolor="#5fd3bc88"];
            "p2/a" -- "p1/a" [style=solid];
            "p2/a" -- "p1/b" [style=dotted, constraint=false, weight=0];
            "p2/b" -- "p2/a" [style=solid];
            "p2/b" -- "p1/a" [style=dotted, constraint=false, weight=0];
            "p2/b" -- "p1/b" [style=dotted, constraint=false, weight=0];
            "p2/c" -- "p2/a" [style=dotted, color="#d1495b", constraint=false, weight=0];
            "p2/c" -- "p2/b" [style=solid];
        "##]]
        .assert_eq(&of_p2.map(|line| format!("{}\n", line.trim_start())).collect::<String>());
    }

    #[test]
    fn three_pools_are_three_clusters() {
        expect![[r##"
            graph "blue" {
              label="blue: vxlan, VNI 100, MTU 1400, single"; labelloc=t; fontname="sans-serif"; layout=fdp;
              node [shape=circle, style=filled, fontname="sans-serif", fontsize=10];
              subgraph "cluster_p1" {
                label="p1"; style="rounded,filled"; color="#7aa7ff"; fillcolor="#7aa7ff22";
                "p1/a" [label="a", shape=star, fillcolor="#ffd166"];
                "p1/b" [label="b", fillcolor="#7aa7ff88"];
                "p1/c" [label="c", fillcolor="#7aa7ff88"];
              }
              subgraph "cluster_p2" {
                label="p2"; style="rounded,filled"; color="#5fd3bc"; fillcolor="#5fd3bc22";
                "p2/a" [label="a", shape=doublecircle, fillcolor="#5fd3bc"];
                "p2/b" [label="b", fillcolor="#5fd3bc88"];
                "p2/c" [label="c", fillcolor="#5fd3bc88", style=dashed, color="#d1495b", fontcolor="#d1495b"];
              }
              subgraph "cluster_p3" {
                label="p3"; style="rounded,filled"; color="#c79bf2"; fillcolor="#c79bf222";
                "p3/a" [label="a", fillcolor="#c79bf288"];
                "p3/b" [label="b", shape=doublecircle, fillcolor="#c79bf2"];
                "p3/c" [label="c", fillcolor="#c79bf288", style="filled,dashed", color="#edae49"];
              }
              "p1/b" -- "p1/a" [style=solid];
              "p1/c" -- "p1/a" [style=solid];
              "p2/a" -- "p1/a" [style=solid];
              "p2/b" -- "p2/a" [style=solid];
              "p2/c" -- "p2/a" [style=dashed, color="#d1495b"];
              "p3/a" -- "p3/b" [style=solid];
              "p3/b" -- "p1/a" [style=solid];
              "p3/c" -- "p3/b" [style=solid, color="#999999"];
            }
        "##]]
        .assert_eq(&render(&three_pools()));
    }
}
