//! Records and batches of any shape: whatever they hold, a picture is made of them or none, and nothing panics.

use asterism_model::ObjectRef;
use asterism_xapi::{
    events::{Batch, Change},
    inventory::inventory,
    jsonrpc,
    observe::{Authorities, observe},
    records::{Class, Records},
};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Map, Value, json};

/// Fields that somebody reads.
const FIELDS: [&str; 34] = [
    "uuid",
    "name_label",
    "hostname",
    "address",
    "enabled",
    "metrics",
    "software_version",
    "live",
    "bridge",
    "MTU",
    "other_config",
    "network",
    "host",
    "IP",
    "IPv6",
    "primary_address_type",
    "currently_attached",
    "managed",
    "physical",
    "tunnel_access_PIF_of",
    "bond_slave_of",
    "bond_master_of",
    "VLAN_master_of",
    "access_PIF",
    "transport_PIF",
    "protocol",
    "status",
    "master",
    "name",
    "type",
    "fingerprint",
    "class",
    "ref",
    "snapshot",
];

/// Texts that mean something somewhere, and texts that don't.
fn text() -> impl Strategy<Value = String> {
    let meant = select(vec![
        "",
        "a",
        "b",
        "OpaqueRef:NULL",
        "00000000-0000-0000-0000-000000000001",
        "10.0.0.1",
        "fe80::1/64",
        "fd00::1/64",
        "asterism-network",
        "xenbr0",
        "é☃-",
        "vxlan",
        "host",
        "network",
        "pif",
        "tunnel",
        "del",
        "add",
        "product_brand",
    ]);
    prop_oneof![4 => meant.prop_map(str::to_owned), 1 => any::<String>()]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => text().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let key = prop_oneof![select(FIELDS.to_vec()).prop_map(str::to_owned), text()];
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((key, inner), 0..6).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn record() -> impl Strategy<Value = Value> {
    vec((select(FIELDS.to_vec()), value()), 0..20).prop_map(|fields| {
        Value::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_record_is_so_strange_that_a_picture_fails(
        rows in vec((select(Class::ALL.to_vec()), text(), record()), 0..30),
    ) {
        let mut records = Records::default();
        for (class, reference, record) in &rows {
            records.put(*class, ObjectRef(reference.clone()), record);
        }
        if let Ok(inventory) = inventory(&records) {
            let names: std::collections::BTreeSet<_> = inventory.hosts.values().map(|host| &host.name).collect();
            prop_assert_eq!(names.len(), inventory.hosts.len());
        }
        let observed = observe(&records, &Authorities::default());
        prop_assert!(observed.networks.len() <= records.count(Class::Network));
    }

    #[test]
    fn no_batch_is_so_strange_that_it_cannot_be_told(
        events in vec(prop_oneof![record(), value()], 0..10),
        counts in value(),
        token in value(),
    ) {
        let known = events.len();
        let answer = json!({ "events": events, "valid_ref_counts": counts, "token": token });
        if let Ok(batch) = Batch::read(answer) {
            prop_assert!(batch.events.len() <= known);
            let mut records = Records::default();
            for event in batch.events {
                match event.change {
                    Change::Put(record) => records.put(event.class, event.object, &record),
                    Change::Gone => records.remove(event.class, &event.object),
                    Change::Unshown => {}
                }
            }
        }
    }

    #[test]
    fn no_answer_is_taken_for_both_a_result_and_a_failure(answer in value(), bytes in vec(any::<u8>(), 0..200)) {
        let decoded = jsonrpc::decode(answer.to_string().as_bytes(), 1);
        if let (Ok(Ok(_)), Value::Object(answer)) = (&decoded, &answer) {
            prop_assert!(answer.get("error").is_none_or(Value::is_null));
        }
        drop(jsonrpc::decode(&bytes, 1));
        let mut framed = Map::new();
        framed.insert("jsonrpc".to_owned(), json!("2.0"));
        framed.insert("error".to_owned(), answer);
        framed.insert("id".to_owned(), json!(1));
        prop_assert!(!matches!(jsonrpc::decode(Value::Object(framed).to_string().as_bytes(), 1), Ok(Ok(_))));
    }
}
