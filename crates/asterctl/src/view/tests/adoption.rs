//! What would be adopted, as text.

use asterism_api::v1;
use expect_test::expect;

use super::check_item;
use crate::{output::Format, view::adoption::AdoptionView};

fn adoption() -> v1::Adoption {
    let pool = |pool: &str, center: &str| v1::AdoptablePool {
        pool: pool.into(),
        uuid: "00000000-0000-0000-0000-00000000000a".into(),
        bridge: "xapi3".into(),
        transport: "xenbr1".into(),
        center: center.into(),
    };
    let host = |host: &str, changes: &[&str]| v1::AdoptableHost {
        host: host.into(),
        changes: changes.iter().map(|&change| change.to_owned()).collect(),
    };
    let blue = v1::AdoptableNetwork {
        uuid: "7f5c3b1e-0000-4000-8000-000000000001".into(),
        label: "my blue".into(),
        name: "my-blue".into(),
        encapsulation: "vxlan".into(),
        vni: "23".into(),
        mtu: 1500,
        pool_center: "p1".into(),
        pools: vec![pool("p1", "p1/b"), pool("p2", "p2/a")],
        notes: vec!["MTU 1500 becomes 1450".into()],
        hosts: vec![
            host("p1/a", &["~ bridge xapi3: adopted", "~ port xapi3_port1: adopted as at1-2"]),
            host("p1/b", &[]),
        ],
        ..Default::default()
    };
    let red = v1::AdoptableNetwork {
        uuid: "7f5c3b1e-0000-4000-8000-000000000002".into(),
        label: "red".into(),
        name: "red".into(),
        encapsulation: "gre".into(),
        vni: "24".into(),
        mtu: 1400,
        is_encrypted: true,
        problems: vec!["it is encrypted, which is not supported yet".into()],
        ..Default::default()
    };
    let sign = v1::PluginSign {
        pool: "p1".into(),
        text: "pool.other_config has xo:clientInfo:abc".into(),
        is_overridden: false,
    };
    v1::Adoption { networks: vec![blue, red], signs: vec![sign], receipt: None }
}

#[test]
fn what_can_be_adopted_and_what_not() {
    let view = AdoptionView::from(adoption());
    assert!(!view.is_adoptable());
    check_item(
        Format::Table,
        &view,
        expect![[r#"
        network:           my-blue (`my blue` in Xen Orchestra, 7f5c3b1e-0000-4000-8000-000000000001)
        encapsulation:     vxlan
        vni:               23
        mtu:               1500 bytes
        encrypted:         no
        preferred center:  -
        pools:             p1: bridge xapi3 over xenbr1, star-center p1/b; p2: bridge xapi3 over xenbr1, star-center p2/a
        pool-center:       p1
        note: MTU 1500 becomes 1450
        p1/a
          ~ bridge xapi3: adopted
          ~ port xapi3_port1: adopted as at1-2
        p1/b
          nothing changes

        network:           red (`red` in Xen Orchestra, 7f5c3b1e-0000-4000-8000-000000000002)
        encapsulation:     gre
        vni:               24
        mtu:               1400 bytes
        encrypted:         yes
        preferred center:  -
        pools:             -
        pool-center:       -
        can't be adopted: it is encrypted, which is not supported yet
        pool p1: the plugin looks active: pool.other_config has xo:clientInfo:abc; unload Xen Orchestra's plugin sdn-controller; if the sign is an old one: --plugin-is-off p1
    "#]],
    );
    let mut fine = adoption();
    fine.networks.pop();
    fine.signs[0].is_overridden = true;
    assert!(AdoptionView::from(fine).is_adoptable());
}
