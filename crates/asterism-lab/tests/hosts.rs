//! Hosts, cables and faults, with tunnels made by hand: the laboratory itself is under test, no controller runs.

use std::time::Duration;

use asterism_lab::{
    Authority, BridgeRef, Cidr, Daemons, HostName, HostState, Keys, Lab, LabError, Loss, Result,
    TRANSPORT_BRIDGE, Tool, Underlay, VmSpec, in_sandbox,
};

const LAB: Option<&str> = Some(env!("CARGO_BIN_EXE_asterism-lab"));
const A: HostName = HostName::new(1, 1);
const B: HostName = HostName::new(1, 2);
const SOON: Duration = Duration::from_secs(20);

/// Two hosts with a bridge `net` each, one tunnel between, and a VM on each: `va` and `vb`.
fn pair(kind: &str) -> Result<Lab> {
    let mut lab = Lab::builder().pools(1).hosts(2).build()?;
    join(&lab, A, B, kind)?;
    join(&lab, B, A, kind)?;
    for (name, host, last) in [("va", A, 1), ("vb", B, 2)] {
        lab.add_vm(vm(name, host, last))?;
    }
    Ok(lab)
}

fn join(lab: &Lab, host: HostName, peer: HostName, kind: &str) -> Result<()> {
    let vsctl = lab.host(host)?.vsctl();
    vsctl.run("--may-exist add-br net -- set Bridge net datapath_type=netdev")?;
    vsctl.add_tunnel("net", &format!("t-{}", peer.flat()), kind, lab.host(peer)?, 77)
}

fn vm(name: &str, host: HostName, last: u8) -> VmSpec {
    VmSpec {
        name: name.into(),
        host,
        network: "net".into(),
        bridge: BridgeRef::Named("net".into()),
        cidr: Cidr::new([192, 168, 7, last].into(), 24),
        mtu: 1400,
    }
}

fn pings(lab: &Lab) -> Result<bool> {
    lab.vm("va")?.netns().ping(lab.vm("vb")?.address().into())
}

#[test]
fn pings_cross_until_a_cable_is_pulled_and_management_is_another_cable() {
    in_sandbox!(
        || {
            let mut lab = pair("vxlan")?;
            lab.wait_for_ping("va", "vb", SOON)?;
            lab.cut(B, Underlay::Transport)?;
            assert!(!pings(&lab)?);
            let operator = lab.netns("operator")?;
            assert!(lab.host(B)?.accepts_from(&operator)?, "management is another cable");
            lab.restore(B, Underlay::Transport)?;
            lab.wait_for_ping("va", "vb", SOON)?;
            lab.cut(B, Underlay::Management)?;
            assert!(!lab.host(B)?.accepts_from(&operator)?);
            assert!(pings(&lab)?, "transport is another cable");
            Ok(())
        },
        LAB
    );
}

#[test]
fn gre_and_geneve_carry_frames_too() {
    in_sandbox!(
        || {
            let mut lab = Lab::builder().build()?;
            for (kind, key, last) in [("gre", 5, 1), ("geneve", 6, 3)] {
                for (host, peer) in [(A, B), (B, A)] {
                    let vsctl = lab.host(host)?.vsctl();
                    vsctl.add_bridge(kind)?;
                    vsctl.add_tunnel(kind, &format!("t-{kind}"), kind, lab.host(peer)?, key)?;
                }
                let [a, b] = ["a", "b"].map(|end| format!("{kind}-{end}"));
                for (name, host, last) in [(&a, A, last), (&b, B, last + 1)] {
                    let bridge = BridgeRef::Named(kind.into());
                    lab.add_vm(VmSpec { bridge, network: kind.into(), ..vm(name, host, last) })?;
                }
                lab.wait_for_ping(&a, &b, SOON)?;
            }
            assert!(
                !lab.vm("gre-a")?.netns().ping(lab.vm("geneve-b")?.address().into())?,
                "networks are apart"
            );
            Ok(())
        },
        LAB
    );
}

#[test]
fn a_one_way_loss_stops_one_way_only() {
    in_sandbox!(
        || {
            let mut lab = pair("vxlan")?;
            lab.wait_for_ping("va", "vb", SOON)?;
            let mut ears = lab.ears(&["va", "vb"])?;
            lab.lose(Loss::From { node: B.flat(), underlay: Underlay::Transport })?;
            ears.broadcast(lab.vm("va")?, b"from a")?;
            ears.broadcast(lab.vm("vb")?, b"from b")?;
            let heard = ears.listen(Duration::from_millis(300), SOON)?;
            assert_eq!(heard["vb"].get(b"from a".as_slice()), Some(&1));
            assert_eq!(heard["va"].get(b"from b".as_slice()), None);
            lab.restore(B, Underlay::Transport)?;
            lab.wait_for_ping("va", "vb", SOON)
        },
        LAB
    );
}

#[test]
fn a_rebooted_host_has_an_empty_database_and_gets_its_vms_back_once_the_bridge_is() {
    in_sandbox!(
        || {
            let mut lab = pair("vxlan")?;
            lab.reboot_host(B)?;
            assert_eq!(lab.host(B)?.vsctl().bridges()?, [TRANSPORT_BRIDGE]);
            assert!(!pings(&lab)?);
            join(&lab, B, A, "vxlan")?;
            lab.replug_vms(B)?;
            lab.wait_for_ping("va", "vb", SOON)
        },
        LAB
    );
}

#[test]
fn a_killed_host_is_gone_on_both_networks_and_returns_with_its_database() {
    in_sandbox!(
        || {
            let mut lab = pair("vxlan")?;
            let before = lab.rows()?;
            lab.kill_host(B)?;
            assert_eq!(lab.host(B)?.state(), HostState::Dead);
            assert!(!lab.host(B)?.accepts_from(&lab.netns("operator")?)?);
            assert!(!pings(&lab)?);
            lab.revive_host(B)?;
            lab.wait_for_ping("va", "vb", SOON)?;
            assert_eq!(lab.rows_changed_since(&before)?, []);
            Ok(())
        },
        LAB
    );
}

#[test]
fn a_frozen_database_forwards_still_and_a_frozen_host_does_not() {
    in_sandbox!(
        || {
            let mut lab = pair("vxlan")?;
            lab.wait_for_ping("va", "vb", SOON)?;
            lab.freeze(B, Daemons::Ovsdb)?;
            assert!(pings(&lab)?);
            assert!(lab.host(B)?.accepts_from(&lab.netns("operator")?)?, "TCP is the kernel's");
            let refused = lab.freeze(B, Daemons::Both).unwrap_err();
            assert!(matches!(refused, LabError::WrongState { .. }), "{refused}");
            lab.thaw(B)?;
            lab.freeze(B, Daemons::Both)?;
            assert!(!pings(&lab)?);
            lab.thaw(B)?;
            lab.wait_for_ping("va", "vb", SOON)
        },
        LAB
    );
}

#[test]
fn a_restarted_switch_forwards_again_and_writes_no_row() {
    in_sandbox!(
        || {
            let mut lab = pair("vxlan")?;
            let before = lab.rows()?;
            lab.restart_vswitchd(B)?;
            lab.wait_for_ping("va", "vb", SOON)?;
            assert_eq!(lab.rows_changed_since(&before)?, []);
            Ok(())
        },
        LAB
    );
}

#[test]
fn a_row_diff_and_the_journal_name_exactly_what_was_written() {
    in_sandbox!(
        || {
            let lab = pair("vxlan")?;
            lab.wait_for_ping("va", "vb", SOON)?;
            let host = lab.host(A)?;
            let (rows, journal) = (host.rows()?, host.journal()?);
            host.vsctl().run("set Open_vSwitch . external_ids:asterism-fence=c:2:1")?;
            host.vsctl().run("set Interface t-p1h2 options:key=78")?;
            let diff = rows.diff(&host.rows()?);
            assert_eq!(diff.len(), 2, "{diff}");
            let diff = diff.without_fence().to_string();
            assert!(diff.starts_with("p1/h1: 1 rows changed\n  Interface t-p1h2: options "), "{diff}");
            let journal_after = host.journal()?;
            let written = journal_after.since(&journal)?.iter().filter(|entry| !entry.is_of_switch());
            let written: Vec<_> =
                written.map(|entry| (entry.is_fence_only(), entry.written.clone())).collect();
            assert_eq!(written.len(), 2, "{written:?}");
            assert!(written[1].1.contains("Interface.options"), "{written:?}");
            Ok(())
        },
        LAB
    );
}

#[test]
fn a_moved_vm_keeps_its_address_and_is_found_again() {
    in_sandbox!(
        || {
            let mut lab = Lab::builder().pools(2).hosts(1).build()?;
            let (a, b) = (HostName::new(1, 1), HostName::new(2, 1));
            join(&lab, a, b, "vxlan")?;
            join(&lab, b, a, "vxlan")?;
            lab.add_vm(vm("va", a, 1))?;
            lab.add_vm(vm("vb", b, 2))?;
            lab.add_vm(vm("vc", a, 3))?;
            lab.wait_for_ping("vb", "vc", SOON)?;
            lab.move_vm("vc", b)?;
            assert_eq!(lab.vm("vc")?.host(), b);
            lab.wait_for_ping("va", "vc", SOON)?;
            lab.wait_for_ping("vb", "vc", SOON)?;
            let lost = lab.move_vm("vc", HostName::new(9, 9)).unwrap_err().to_string();
            assert_eq!(lost, "no host named p9/h9; there are: p1/h1, p2/h1");
            assert_eq!(lab.vm("vc")?.host(), b);
            Ok(())
        },
        LAB
    );
}

#[test]
fn a_mute_host_accepts_and_never_answers() {
    in_sandbox!(
        || {
            let mut lab = Lab::builder().hosts(1).build()?;
            let name = lab.add_mute_host(1)?.name();
            assert_eq!(name, HostName::new(1, 2));
            let operator = lab.netns("operator")?;
            let asked = Tool::new("ovsdb-client")
                .args(["--timeout=1", "list-dbs", &format!("tcp:{}:6640", name.management())])
                .inside(&operator)
                .output("asking a mute host")?;
            assert!(!asked.status.success());
            assert_eq!(asked.stdout, "");
            let answering = Tool::new("ovsdb-client")
                .args(["--timeout=5", "list-dbs", &lab.host(A)?.ovsdb_remote()])
                .inside(&operator)
                .run("asking a host")?;
            assert!(answering.contains("Open_vSwitch"), "{answering}");
            Ok(())
        },
        LAB
    );
}

#[test]
fn a_host_with_the_ciphers_of_xcp_ng_answers_a_client_of_its_authority_alone() {
    in_sandbox!(
        || {
            let lab = Lab::builder().hosts(1).ovsdb_tls().build()?;
            let operator = lab.netns("operator")?;
            let pki = lab.dir().join("ovsdb-pki");
            let ask = |identity: &str| {
                let file = |name: &str| pki.join(name).display().to_string();
                Tool::new("ovsdb-client")
                    .args(["--timeout=5".into(), format!("--ca-cert={}", file("ca.pem"))])
                    .args([format!("--certificate={}", file(&format!("{identity}.pem")))])
                    .args([format!("--private-key={}", file(&format!("{identity}.key")))])
                    .args(["list-dbs".into(), lab.host(A)?.ovsdb_remote()])
                    .inside(&operator)
                    .output("asking over TLS")
            };
            let answer = ask("controller")?;
            assert!(answer.stdout.contains("Open_vSwitch"), "{answer:?}");
            let stranger = Authority::create(&lab.dir().join("stranger"), "stranger", Keys::Rsa)?;
            let identity = stranger.issue("stranger", &["controller.asterism".into()], &[])?;
            for (from, to) in [(identity.cert, "stranger.pem"), (identity.key, "stranger.key")] {
                std::fs::copy(from, pki.join(to)).expect("the directory is ours");
            }
            let answer = ask("stranger")?;
            assert!(!answer.status.success(), "{answer:?}");
            Ok(())
        },
        LAB
    );
}
