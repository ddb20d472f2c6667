//! Networks as tables and JSON.

use asterism_api::v1;
use expect_test::expect;

use super::{check_item, check_list};
use crate::{output::Format, view::network::NetworkView};

fn network() -> NetworkView {
    let attachment = v1::PoolAttachment { transport: "storage".into(), preferred_host: Some("a".into()) };
    NetworkView::from(v1::Network {
        id: 1,
        name: "blue".into(),
        encapsulation: v1::Encapsulation::Vxlan.into(),
        mtu: 1400,
        vni: Some(100),
        requested_vni: Some(100),
        resilience: v1::Resilience::Dual.into(),
        detection: v1::Detection::Normal.into(),
        pools: [
            ("p1".to_owned(), attachment),
            ("p2".to_owned(), v1::PoolAttachment { transport: "storage".into(), preferred_host: None }),
        ]
        .into(),
        preferred_pool: Some("p1".into()),
        pool_center: Some("p1".into()),
        root: Some("p1/a".into()),
        revision: 9,
        adoption: None,
        status: Some(v1::NetworkStatus { hosts: 6, hosts_programmed: 5, links: 5, links_up: 4 }),
    })
}

#[test]
fn networks() {
    check_list(
        Format::Table,
        &[network()],
        expect![[r#"
        NETWORK  ENCAPSULATION  VNI  MTU   POOLS   ROOT  PROGRAMMED  LINKS UP
        blue     vxlan          100  1400  p1, p2  p1/a  5/6         4/5
    "#]],
    );
    check_item(
        Format::Table,
        &network(),
        expect![[r#"
            network:           blue
            id:                1
            encapsulation:     vxlan
            vni:               100 (asked for)
            mtu:               1400 bytes
            resilience:        dual
            detection:         normal
            pools:             p1 over storage, prefers a; p2 over storage
            preferred pool:    p1
            pool-center:       p1
            root:              p1/a
            hosts programmed:  5/6
            links up:          4/5
            revision:          9
        "#]],
    );
    check_item(
        Format::Json,
        &network(),
        expect![[r#"
            {
              "api": "asterism/v1",
              "kind": "Network",
              "index": 40,
              "name": "blue",
              "id": 1,
              "encapsulation": "vxlan",
              "mtu": 1400,
              "vni": 100,
              "requested_vni": 100,
              "resilience": "dual",
              "detection": "normal",
              "pools": {
                "p1": {
                  "transport": "storage",
                  "preferred_host": "a"
                },
                "p2": {
                  "transport": "storage",
                  "preferred_host": null
                }
              },
              "preferred_pool": "p1",
              "pool_center": "p1",
              "root": "p1/a",
              "revision": 9,
              "status": {
                "hosts": 6,
                "hosts_programmed": 5,
                "links": 5,
                "links_up": 4
              }
            }
        "#]],
    );
}
