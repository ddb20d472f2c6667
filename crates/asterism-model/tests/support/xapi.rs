//! The script language's words for pools behind a XAPI.
//!
//! ```text
//! xapi-pool p1 [uuid=7] [pin=ab] | access p1 [address=10.0.0.9|-] [pin=ab]
//! inventory p1 [uuid=7] [epoch=1] a#1@10.0.0.1,xenbr1=10.1.0.1/9000 b#2@10.0.0.2,disabled,dead,cert=ab
//! ```
//! A pool's uuid is the number of its name's last letter unless told otherwise; a host is NAME#UUID@ADDRESS with its
//! transports and what is unusual of it.

use std::collections::BTreeSet;

use asterism_model::{
    CertificateFingerprint, HostInventory, Name, NetworkState, Operation, PoolId, PoolInventory,
    SealedSecret, Transport, XapiAccess, XapiTrust, XapiUuid,
};

use super::script::{option, parse_as, parse_transport};

pub fn add_pool(name: &str, words: &[&str]) -> Operation {
    Operation::AddXapiPool {
        name: parse_as(name),
        uuid: pool_uuid(name, words),
        access: access(words).into(),
    }
}

pub fn change_access(name: &str, words: &[&str]) -> Operation {
    Operation::ChangeXapiAccess { pool: parse_as(name), access: access(words).into() }
}

fn access(words: &[&str]) -> XapiAccess {
    XapiAccess {
        addresses: match option(words, "address") {
            Some("-") => BTreeSet::new(),
            Some(address) => [parse_as(address)].into(),
            None => [parse_as("10.0.0.1")].into(),
        },
        user: "root".into(),
        password: SealedSecret { key: "1".into(), sealed: "00".into() },
        trust: XapiTrust::Fingerprints(option(words, "pin").map(fingerprint).into_iter().collect()),
    }
}

pub fn inventory(name: &str, words: &[&str], state: &NetworkState) -> Operation {
    let hosts: Vec<(XapiUuid, HostInventory)> =
        words.iter().filter(|word| word.contains('#')).map(|word| host(word)).collect();
    let master = hosts.first().map_or(XapiUuid(0), |(uuid, _)| *uuid);
    let pool = name.parse::<Name>().ok().and_then(|name| state.pool_named(&name));
    Operation::RecordInventory {
        pool: pool.map_or(PoolId(u32::MAX), |pool| pool.id),
        epoch: option(words, "epoch").map_or(state.epoch(), parse_as),
        inventory: PoolInventory { uuid: pool_uuid(name, words), master, hosts: hosts.into_iter().collect() },
    }
}

fn host(word: &str) -> (XapiUuid, HostInventory) {
    let mut parts = word.split(',');
    let (name, place) = parts.next().unwrap().split_once('#').unwrap();
    let (uuid, address) = place.split_once('@').expect("NAME#UUID@ADDRESS");
    let rest: BTreeSet<&str> = parts.collect();
    let is_transport = |part: &&&str| part.contains('=') && !part.starts_with("cert=");
    let seen = HostInventory {
        name: parse_as(name),
        address: parse_as(address),
        is_enabled: !rest.contains("disabled"),
        is_live: !rest.contains("dead"),
        transports: rest.iter().filter(is_transport).map(|part| parse_transport(part)).collect(),
        version: "8.3.0".into(),
        fingerprint: rest.iter().find_map(|part| part.strip_prefix("cert=")).map(fingerprint),
    };
    (XapiUuid(parse_as(uuid)), seen)
}

fn pool_uuid(name: &str, words: &[&str]) -> XapiUuid {
    let of_name = || name.bytes().last().map_or(0, u128::from);
    XapiUuid(option(words, "uuid").map_or_else(of_name, parse_as))
}

/// Two digits stand for all.
fn fingerprint(digits: &str) -> CertificateFingerprint {
    parse_as(&digits.repeat(32))
}

/// A host of an inventory that generators make up.
pub fn plain_host(name: Name, address: std::net::IpAddr, transport: Option<Transport>) -> HostInventory {
    HostInventory {
        name,
        address,
        is_enabled: true,
        is_live: true,
        transports: transport.map(|transport| (parse_as("lan"), transport)).into_iter().collect(),
        version: String::new(),
        fingerprint: None,
    }
}

/// The access of a pool that generators make up.
pub fn plain_access() -> XapiAccess {
    access(&[])
}
