//! Pools behind a XAPI: what a pool's XAPI is asked for happens on its real hosts. No controller runs.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use asterism_lab::{
    BridgeRef, HostName, Lab, LabError, Result, TRANSPORT_BRIDGE, Tool, XAPI_PASSWORD, XAPI_USER, in_sandbox,
    wait,
};
use serde_json::{Value, json};

const LAB: Option<&str> = Some(env!("CARGO_BIN_EXE_asterism-lab"));
const A: HostName = HostName::new(1, 1);
const B: HostName = HostName::new(1, 2);
const SOON: Duration = Duration::from_secs(20);

/// Calls a host's XAPI from the operator's machine, and gives the whole answer.
fn ask(lab: &Lab, host: HostName, method: &str, params: &Value) -> Result<Value> {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let url = format!("https://{}/jsonrpc", host_address(host));
    let text = Tool::new("curl")
        .args(["--silent", "--show-error", "--insecure", "--data-binary", &body, &url])
        .inside(&lab.netns("operator")?)
        .run(format!("{method} at {host}"))?;
    let problem =
        |error: serde_json::Error| LabError::Unreadable { what: text.clone(), problem: error.to_string() };
    serde_json::from_str(&text).map_err(problem)
}

/// The same, of a call that is to succeed.
fn call(lab: &Lab, method: &str, params: &Value) -> Result<Value> {
    let answer = ask(lab, A, method, params)?;
    assert_eq!(answer.get("error"), None, "{method}: {answer}");
    Ok(answer["result"].clone())
}

fn host_address(host: HostName) -> String {
    format!("10.10.{}.{}", host.pool, host.host)
}

fn log_in(lab: &Lab) -> Result<Value> {
    call(lab, "session.login_with_password", &json!([XAPI_USER, XAPI_PASSWORD, "1.0", "test"]))
}

/// The PIF of a host's transport.
fn transport(lab: &Lab, session: &Value, host: HostName) -> Result<Value> {
    let address = format!("10.20.{}.{}", host.pool, host.host);
    let pifs = call(lab, "PIF.get_all_records", &json!([session]))?;
    let found = pifs.as_object().unwrap().iter().find(|(_, pif)| pif["IP"] == json!(address));
    Ok(json!(found.unwrap_or_else(|| panic!("no PIF has {address}: {pifs}")).0))
}

/// A network with a tunnel on both hosts.
fn make_network(lab: &Lab, session: &Value) -> Result<()> {
    let record = json!({ "name_label": "blue", "bridge": "ast1", "MTU": 1450, "other_config": {} });
    let network = call(lab, "network.create", &json!([session, record]))?;
    for host in [A, B] {
        let transport = transport(lab, session, host)?;
        call(lab, "tunnel.create", &json!([session, transport, network, "vxlan"]))?;
    }
    Ok(())
}

#[test]
fn hosts_do_what_their_pool_has_them_do() {
    in_sandbox!(
        || {
            let mut lab = Lab::builder().pools(1).xapi_pools(1).hosts(2).build()?;
            let slave = ask(&lab, B, "session.login_with_password", &json!([XAPI_USER, XAPI_PASSWORD]))?;
            assert_eq!(slave["error"]["message"], json!("HOST_IS_SLAVE"), "{slave}");
            let session = log_in(&lab)?;
            let operator = lab.netns("operator")?;
            assert!(!lab.host(A)?.accepts_from(&operator)?, "nobody was introduced yet");

            let authority = std::fs::read_to_string(lab.dir().join("ovsdb-pki/ca.pem")).unwrap();
            let install = json!([session, "sdn-controller-ca.pem", authority]);
            call(&lab, "pool.certificate_install", &install)?;
            call(&lab, "pool.certificate_sync", &json!([session]))?;
            call(&lab, "SDN_controller.introduce", &json!([session, "pssl"]))?;
            for host in [A, B] {
                wait::until("its OVSDB listens", SOON, || {
                    let accepts = lab.host(host).and_then(|host| host.accepts_from(&operator));
                    if accepts.map_err(|error| error.to_string())? {
                        Ok(())
                    } else {
                        Err("refused".to_owned())
                    }
                })?;
            }

            make_network(&lab, &session)?;
            for host in [A, B] {
                let vsctl = lab.host(host)?.vsctl();
                assert_eq!(vsctl.wait_for_bridge(&BridgeRef::OfNetwork(1), SOON)?, "ast1");
                assert!(vsctl.run("get Bridge ast1 external_ids:xs-network-uuids")?.contains('-'));
                assert_eq!(vsctl.run("get Interface ast1 mtu_request")?.trim(), "1450");
            }

            // A host that reboots has its own bridges, and the pool's networks no more until they are plugged.
            lab.reboot_host(B)?;
            let vsctl = lab.host(B)?.vsctl();
            assert_eq!(vsctl.bridges()?, [TRANSPORT_BRIDGE]);
            assert!(vsctl.run("get-manager")?.contains("pssl:6640"));
            let pifs = call(&lab, "PIF.get_all_records", &json!([log_in(&lab)?]))?;
            let unplugged = |pif: &&Value| {
                pif["tunnel_access_PIF_of"] != json!([]) && pif["currently_attached"] == json!(false)
            };
            assert_eq!(pifs.as_object().unwrap().values().filter(unplugged).count(), 1);
            Ok(())
        },
        LAB
    );
}
