//! Round trips, names of fields, and bytes of all sorts.

use std::collections::BTreeMap;

use asterism_model::{
    Command, Datapath, Detection, Drain, DrainExtent, Encapsulation, HostId, HostRef, HostSpec, Mode, Name,
    NetworkChange, NetworkSpec, NetworkState, Operation, OvsdbEndpoint, PoolAttachmentSpec, RequestId,
    Resilience, SessionId, SettingsChange, Timestamp, Transport, TransportName, Vni,
};
use expect_test::{Expect, expect};
use proptest::{collection::btree_map, collection::vec, option, prelude::*};
use prost::Message;

use super::*;
use crate::v1;

fn name() -> impl Strategy<Value = Name> {
    "[a-zA-Z0-9][a-zA-Z0-9._-]{0,9}".prop_map(|text| text.parse().unwrap())
}

fn transport_name() -> impl Strategy<Value = TransportName> {
    "[a-z0-9]{1,5}".prop_map(|text| text.parse().unwrap())
}

fn host_ref() -> impl Strategy<Value = HostRef> {
    (name(), name()).prop_map(|(pool, host)| HostRef { pool, host })
}

fn host_spec() -> impl Strategy<Value = HostSpec> {
    let endpoint = prop_oneof![
        (1..u32::MAX, 1..u16::MAX)
            .prop_map(|(ip, port)| format!("tcp:{}:{port}", std::net::Ipv4Addr::from(ip))),
        Just("ssl:[fd00::7]".to_owned()),
        Just("unix:/run/openvswitch/db.sock".to_owned()),
    ];
    let endpoint = endpoint.prop_filter_map("reaches somebody", |text| text.parse::<OvsdbEndpoint>().ok());
    let transport =
        (any::<std::net::IpAddr>(), any::<u16>()).prop_map(|(address, mtu)| Transport { address, mtu });
    let datapath = prop_oneof![Just(Datapath::System), Just(Datapath::Netdev)];
    (name(), endpoint, datapath, btree_map(transport_name(), transport, 0..3))
        .prop_map(|(name, ovsdb, datapath, transports)| HostSpec { name, ovsdb, datapath, transports })
}

fn attachments() -> impl Strategy<Value = BTreeMap<Name, PoolAttachmentSpec>> {
    let attachment = (transport_name(), option::of(name()))
        .prop_map(|(transport, preferred_host)| PoolAttachmentSpec { transport, preferred_host });
    btree_map(name(), attachment, 0..3)
}

fn resilience() -> impl Strategy<Value = Resilience> {
    prop_oneof![Just(Resilience::Single), Just(Resilience::Dual)]
}

fn detection() -> impl Strategy<Value = Detection> {
    prop_oneof![Just(Detection::Normal), Just(Detection::Fast)]
}

fn settings_change() -> impl Strategy<Value = SettingsChange> {
    let mode = prop_oneof![Just(Mode::Active), Just(Mode::ReadOnly)];
    (option::of(any::<u32>()), option::of(mode))
        .prop_map(|(bfd_budget, mode)| SettingsChange { bfd_budget, mode })
}

fn network_spec() -> impl Strategy<Value = NetworkSpec> {
    let vni = (Vni::MIN.get()..=Vni::MAX.get()).prop_map(|number| Vni::new(number).unwrap());
    let encapsulation = proptest::sample::select(Encapsulation::ALL.to_vec());
    let numbers = (option::of(any::<u16>()), option::of(vni));
    let failing = (resilience(), detection());
    (name(), encapsulation, numbers, failing, attachments(), option::of(name())).prop_map(
        |(name, encapsulation, (mtu, vni), (resilience, detection), pools, preferred_pool)| NetworkSpec {
            name,
            encapsulation,
            mtu,
            vni,
            resilience,
            detection,
            pools,
            preferred_pool,
        },
    )
}

fn network_change() -> impl Strategy<Value = NetworkChange> {
    let preferences = (btree_map(name(), option::of(name()), 0..3), option::of(option::of(name())));
    let failing = (option::of(resilience()), option::of(detection()));
    (option::of(any::<u16>()), failing, attachments(), vec(name(), 0..3), preferences).prop_map(
        |(mtu, (resilience, detection), set_pools, remove_pools, (prefer_hosts, prefer_pool))| {
            NetworkChange { mtu, resilience, detection, set_pools, remove_pools, prefer_hosts, prefer_pool }
        },
    )
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        Just(Operation::OpenSession),
        name().prop_map(|name| Operation::AddPool { name }),
        name().prop_map(|pool| Operation::RemovePool { pool, force: false }),
        (name(), host_spec()).prop_map(|(pool, host)| Operation::AddHost { pool, host }),
        host_ref().prop_map(|host| Operation::EnableHost { host }),
        host_ref().prop_map(|host| Operation::DisableHost { host }),
        (host_ref(), any::<bool>()).prop_map(|(host, force)| Operation::RemoveHost { host, force }),
        network_spec().prop_map(Operation::CreateNetwork),
        (name(), network_change()).prop_map(|(network, change)| Operation::UpdateNetwork { network, change }),
        name().prop_map(|network| Operation::DeleteNetwork { network }),
        name().prop_map(|network| Operation::ReleaseNetwork { network }),
        (name(), host_ref()).prop_map(|(network, host)| Operation::MoveCenter { network, host }),
        (name(), name()).prop_map(|(network, pool)| Operation::MovePoolCenter { network, pool }),
        settings_change().prop_map(Operation::ChangeSettings),
    ]
}

fn request(operation: &Operation) -> v1::WriteRequest {
    v1::WriteRequest { request_id: None, operation: operation_to_proto(operation) }
}

/// Decodes and converts; an error must name a field.
fn take_in(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(request) = v1::WriteRequest::decode(bytes)
        && let Err(error) = operation_from_request(&request)
    {
        prop_assert!(!error.field.is_empty() && !error.problem.is_empty(), "{error:?}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn an_operation_survives_the_wire(operation in operation()) {
        let bytes = request(&operation).encode_to_vec();
        let received = v1::WriteRequest::decode(bytes.as_slice()).unwrap();
        prop_assert_eq!(operation_from_request(&received), Ok(operation));
    }

    #[test]
    fn bytes_of_all_sorts_convert_or_give_a_named_error(bytes in vec(any::<u8>(), 0..200)) {
        take_in(&bytes)?;
    }

    /// Every other message that comes from a client and is converted.
    #[test]
    fn bytes_of_other_requests_convert_or_give_a_named_error(bytes in vec(any::<u8>(), 0..200)) {
        if let Ok(access) = v1::XapiAccess::decode(bytes.as_slice()) {
            let _ = super::access_from_proto(Some(&access)).and_then(super::AccessRequest::whole);
        }
        if let Ok(request) = v1::ListAuditRequest::decode(bytes.as_slice()) {
            let (entries, dropped) = super::list_audit(&NetworkState::default(), &request);
            prop_assert_eq!((entries.len(), dropped), (0, 0));
        }
        if let Ok(request) = v1::ReportDeniedRequest::decode(bytes.as_slice())
            && let Err(error) = super::denied_from_proto(request)
        {
            prop_assert_eq!(error.field, "role");
        }
    }

    #[test]
    fn damaged_requests_convert_or_give_a_named_error(
        operation in operation(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = request(&operation).encode_to_vec();
        if !bytes.is_empty() {
            for (index, byte) in damage {
                let place = index.index(bytes.len());
                bytes[place] = byte;
            }
        }
        take_in(&bytes)?;
    }

    #[test]
    fn texts_and_numbers_of_all_sorts_convert_or_give_a_named_error(
        texts in vec(any::<String>(), 6), numbers in vec(any::<u32>(), 2), choice in any::<i32>(),
    ) {
        let transport = v1::Transport { address: texts[3].clone(), mtu: Some(numbers[0]), label: None };
        let host = v1::AddHost {
            pool: texts[0].clone(),
            name: texts[1].clone(),
            ovsdb: texts[2].clone(),
            datapath: choice,
            transports: [(texts[4].clone(), transport)].into(),
        };
        let attachment = v1::PoolAttachment { transport: texts[3].clone(), preferred_host: Some(texts[4].clone()) };
        let network = v1::CreateNetwork {
            name: texts[0].clone(),
            encapsulation: choice,
            mtu: Some(numbers[0]),
            vni: Some(numbers[1]),
            resilience: choice,
            pools: [(texts[2].clone(), attachment)].into(),
            preferred_pool: Some(texts[5].clone()),
            detection: choice,
        };
        for operation in [
            v1::write_request::Operation::AddHost(host),
            v1::write_request::Operation::CreateNetwork(network),
        ] {
            take_in(&v1::WriteRequest { request_id: None, operation: Some(operation) }.encode_to_vec())?;
        }
    }

    #[test]
    fn every_state_can_be_shown(operations in vec(operation(), 0..30)) {
        let mut state = NetworkState::default();
        let init = Operation::InitCluster { cluster: asterism_model::ClusterId(1), name: "c".parse().unwrap() };
        for operation in std::iter::once(init).chain(operations) {
            let reply = state.apply(&Command { caller: None, request: None, at: Timestamp(1), operation });
            if let Err(refusal) = receipt(1, reply) {
                let status = tonic::Status::from(crate::ApiError::from(refusal.clone()));
                let failure = crate::Failure::from_status(&status);
                prop_assert!(!failure.reason.is_empty(), "{refusal:?}");
            }
        }
        for shown in state.networks().values() {
            prop_assert_eq!(network(&state, shown).pools.len(), topology(&state, shown).stars.len());
        }
        for shown in state.events() {
            prop_assert!(!event(shown).kind.is_empty());
        }
        let all = list_hosts(&state, &v1::ListHostsRequest::default()).unwrap();
        prop_assert_eq!(all.len(), state.hosts().len());
    }
}

fn check_error(operation: v1::write_request::Operation, expected: Expect) {
    let request = v1::WriteRequest { request_id: None, operation: Some(operation) };
    expected.assert_eq(&operation_from_request(&request).unwrap_err().to_string());
}

fn host_message() -> v1::AddHost {
    v1::AddHost {
        pool: "p1".into(),
        name: "a".into(),
        ovsdb: "tcp:10.10.1.1".into(),
        datapath: 0,
        transports: [(
            "storage".to_owned(),
            v1::Transport { address: "10.20.1.1".into(), mtu: None, label: None },
        )]
        .into(),
    }
}

#[test]
fn what_is_left_out_has_its_default() {
    let request = v1::WriteRequest {
        request_id: None,
        operation: Some(v1::write_request::Operation::AddHost(host_message())),
    };
    let Ok(Operation::AddHost { host, .. }) = operation_from_request(&request) else { unreachable!() };
    assert_eq!(host.datapath, Datapath::System);
    assert_eq!(host.transports[&"storage".parse().unwrap()].mtu, 1500);

    let network = v1::CreateNetwork { name: "blue".into(), ..Default::default() };
    let operation = Some(v1::write_request::Operation::CreateNetwork(network));
    let request = v1::WriteRequest { request_id: None, operation };
    let Ok(Operation::CreateNetwork(spec)) = operation_from_request(&request) else { unreachable!() };
    assert_eq!((spec.resilience, spec.detection), (Resilience::Dual, Detection::Normal));
}

#[test]
fn a_drain_keeps_its_extent() {
    for extent in [DrainExtent::Announced, DrainExtent::Standby, DrainExtent::All, DrainExtent::Cut] {
        let drain = Drain { host: HostId(7), extent };
        let message = super::topology::drain(&NetworkState::default(), drain);
        assert_eq!(message.extent().to_model(), Some(extent));
    }
}

#[test]
fn an_error_names_the_field_and_what_would_be_valid() {
    use v1::write_request::Operation as Message;
    let mut host = host_message();
    host.transports.get_mut("storage").unwrap().mtu = Some(70_000);
    check_error(
        Message::AddHost(host),
        expect![[
            r#"add_host.transports["storage"].mtu: 70000 is out of range: expected at most 65535 bytes"#
        ]],
    );
    let mut host = host_message();
    host.transports.get_mut("storage").unwrap().address = "10.20.1".into();
    check_error(
        Message::AddHost(host),
        expect![[
            r#"add_host.transports["storage"].address: `10.20.1` is not an IP address: expected IPv4 or IPv6"#
        ]],
    );
    check_error(
        Message::AddHost(v1::AddHost { datapath: 9, ..host_message() }),
        expect!["add_host.datapath: 9 is not known: expected system, netdev"],
    );
    let preference = v1::Preference { name: Some("a b".into()) };
    check_error(
        Message::UpdateNetwork(v1::UpdateNetwork {
            network: "blue".into(),
            prefer_hosts: [("p1".to_owned(), preference)].into(),
            ..Default::default()
        }),
        expect![[
            r#"update_network.prefer_hosts["p1"].name: `a b` is not a name: expected 1 to 63 letters, digits, `.`, `_` or `-`, beginning with a letter or digit"#
        ]],
    );
    check_error(
        Message::CreateNetwork(v1::CreateNetwork { name: "blue".into(), vni: Some(0), ..Default::default() }),
        expect!["create_network.vni: VNI 0 is out of range: expected 1 to 16777215"],
    );
    check_error(
        Message::MoveCenter(v1::MoveCenter { network: "blue".into(), host: "a".into() }),
        expect!["move_center.host: `a` is not a host: expected POOL/HOST"],
    );
    check_error(
        Message::ChangeSettings(v1::ChangeSettings { bfd_budget: None, mode: 7 }),
        expect!["change_settings.mode: 7 is not known: expected active, read_only"],
    );
    check_error(
        Message::EnableHost(v1::EnableHost { host: "a".into() }),
        expect!["enable_host.host: `a` is not a host: expected POOL/HOST"],
    );
}

#[test]
fn an_event_has_its_kind_its_fields_and_its_words() {
    let mut state = NetworkState::default();
    let init = Operation::InitCluster { cluster: asterism_model::ClusterId(1), name: "c".parse().unwrap() };
    let claim = Operation::ClaimEpoch { node: asterism_model::NodeId(2) };
    for operation in [init, claim] {
        state.apply(&Command { caller: None, request: None, at: Timestamp(5), operation });
    }
    let shown = event(state.events().back().unwrap());
    expect![[r#"
        Event {
            sequence: 2,
            at_ms: 5,
            kind: "epoch_claimed",
            fields: {
                "epoch": "1",
                "node": "2",
            },
            text: "c2 leads, epoch 1",
        }
    "#]]
    .assert_debug_eq(&shown);
}

#[test]
fn a_request_id_survives_the_wire() {
    let id = RequestId { session: SessionId(3), sequence: 4 };
    assert_eq!(request_id_from_proto(request_id_to_proto(id)), id);
}
