//! Pools whose hosts are addresses in one namespace: the XAPI answers there, and nothing else does.

use std::fmt::Write as _;
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;

use anyhow::{Context, Result};
use asterism_lab::{Authority, HostName, Keys, Lab, Netns, Underlay, XAPI_PASSWORD, XAPI_USER};
use asterism_xapi_sim::{HostSpec, Identity, Listen, PoolSpec, RecordingAgent, Simulator};

const HTTPS_PORT: u16 = 443;

/// Starts so many pools of so many hosts; they are reached at the addresses of the plan.
pub(super) fn start(lab: &Lab, pools: u8, hosts: u8) -> Result<Vec<Simulator>> {
    let netns = Netns::create("pools")?;
    let all = |pool| (1..=hosts).map(move |host| HostName::new(pool, host));
    lab.fabric().attach(&netns, Underlay::Management, "eth0", HostName::new(1, 1).management())?;
    let mut lines = String::new();
    for host in (1..=pools).flat_map(all).skip(1) {
        writeln!(lines, "addr add {}/16 dev eth0", host.management())?;
    }
    netns.ip("addressing the pools", lines)?;
    // All show one certificate: making hundreds of keys is not what is measured.
    let authority = Authority::create(&lab.dir().join("pools-pki"), "pools", Keys::Rsa)?;
    let issued = authority.issue("pools", &["pools.asterism".to_owned()], &[])?;
    let read = |path: &std::path::Path| std::fs::read_to_string(path).context("reading a certificate");
    let identity = Identity { certificate: read(&issued.cert)?, key: read(&issued.key)? };
    (1..=pools)
        .map(|pool| {
            let hosts = all(pool).map(|host| {
                let transport: IpAddr = host.transport().into();
                HostSpec::new(&host.host_name(), host.management().into())
                    .with_interface("eth0", Some((transport, 16)))
                    .with_identity(identity.clone())
            });
            let spec = PoolSpec {
                user: XAPI_USER.into(),
                password: XAPI_PASSWORD.into(),
                seed: pool.into(),
                ..PoolSpec::new(&format!("p{pool}"), hosts.collect())
            };
            let netns = netns.clone();
            let listen = Listen::https(HTTPS_PORT)
                .with_binder(move |address| netns.enter(|| TcpListener::bind(address))?);
            Simulator::start(spec, Arc::new(RecordingAgent::default()), listen).context("starting a pool")
        })
        .collect()
}
