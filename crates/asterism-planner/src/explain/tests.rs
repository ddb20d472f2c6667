//! What explanations say: who holds an office and why, what is waited for.

use expect_test::expect;

use super::*;
use crate::testing::{evidence_of, state};

#[test]
fn an_explanation_names_centers_heirs_and_what_is_waited_for() {
    let state = state(
        "
        pool p1
        pool p2
        host p1/a 10.0.1.1
        host p1/b 10.0.1.2
        host p1/c 10.0.1.3
        host p2/d 10.0.2.1
        network n p1:lan:b p2
        network m p1
        adopt n1:vni=1:p1=h1:center=p1:cause=dead n2:vni=2:p1=h3:center=p1
        disable p1/b",
    );
    let evidence = evidence_of(&state, "h1 lost 1000\nh3 up 0: h1 up 100\nh4 awaited 0");
    let explained = explain(&state, NetworkId(1), &evidence, &Graces::default(), Tick(5000)).unwrap();
    expect![[r#"
        n1 Some(vni 1), middle Some(p1)
        p1 center Some("h1 (dead)")
          h3 may be elected, 1 stars, standby of 0, Some("leaf"), up [h1], BFD every 100 ms, 30 packets/s, able
          h2, preferred, may not be elected, 0 stars, standby of 0, Some("leaf"), up [h1], BFD every 100 ms, 20 packets/s, disabled
          h1 may not be elected, 1 stars, standby of 0, Some("root"), up [], BFD every 100 ms, 30 packets/s, doubtful: no OVSDB session (no answer), but its tunnels are up
        p2 center None
          h4 may not be elected, 0 stars, standby of 0, None, up [], BFD every 100 ms, 0 packets/s, doubtful: no OVSDB session (no answer), and no host knows of it
        preferred star-center p1/b is passed over: disabled
        pool p1 keeps its star-center p1/a, which is doubtful: no OVSDB session (no answer), but its tunnels are up
        pool p2 has no able host; p2/d: doubtful: no OVSDB session (no answer), and no host knows of it
        stays
    "#]].assert_eq(&show(&explained));
    assert_eq!(explain(&state, NetworkId(9), &evidence, &Graces::default(), Tick(5000)), None);
}

fn show(it: &Explanation<'_>) -> String {
    let middle = it.topology.and_then(|topology| topology.pool_center.as_ref()).map(|choice| choice.holder);
    let vni = it.topology.map(|topology| topology.vni);
    let detection = it.network.detection;
    let mut out = format!("{} {vni:?}, middle {middle:?}\n", it.network.id);
    for pool in &it.pools {
        let center = pool.star.map(|star| format!("{} ({})", star.center.holder, star.center.cause));
        out += &format!("{} center {center:?}\n", pool.pool);
        for it in &pool.candidates {
            let preferred = if it.is_preferred { ", preferred," } else { "" };
            let may = if it.may_be_elected { "may" } else { "may not" };
            let rank = it.rank.map(|rank| rank.to_string());
            out += &format!(
                "  {}{preferred} {may} be elected, {} stars, standby of {}, {rank:?}, up {:?}, BFD every {} ms, {} packets/s, {}\n",
                it.host,
                it.stars,
                it.standbys,
                it.uplinks,
                it.bfd.interval(detection),
                it.bfd.packets_per_second(),
                it.standing
            );
        }
    }
    let findings: String = it.findings.iter().map(|finding| format!("{finding}\n")).collect();
    out + &findings + if it.will_change { "will change\n" } else { "stays\n" }
}
