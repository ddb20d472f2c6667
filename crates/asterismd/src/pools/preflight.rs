//! Judges what a survey saw: all that would stop a private network in a pool, or part of it.
//!
//! Pure: a survey and the ports in, items out. It says what holds too, so that an operator sees what was looked at.

use std::{collections::BTreeMap, net::IpAddr};

use asterism_api::v1::{CheckItem, Severity};
use asterism_model::{CertificateFingerprint, Encapsulation, Name, pool_objects::AUTHORITY_FILE};
use asterism_xapi::{PoolSurvey, SurveyedHost, SurveyedNetwork};

use super::Port;

/// What a private network's guests expect of Ethernet, in bytes.
const ETHERNET: i64 = 1500;
/// XAPI's product version that first knew VXLAN.
const VXLAN_SINCE: (u32, u32) = (8, 2);
/// What Xen Orchestra writes where its SDN controller has been at work.
const ORCHESTRA_AT_WORK: &str = "xo:sdn-controller:";
/// How a switch says that it can carry tunnels.
const OPEN_VSWITCH: &str = "openvswitch";

/// What was seen of a pool.
pub struct Sight<'a> {
    pub survey: &'a PoolSurvey,
    /// Of the hosts that have an address.
    pub ports: &'a BTreeMap<Name, Port>,
    /// Of the authority that signed what this node shows hosts; none where it has nothing to show.
    pub authority: Option<CertificateFingerprint>,
}

/// Everything that was looked at, worst first.
pub fn judge(sight: &Sight<'_>) -> Vec<CheckItem> {
    let mut items = Vec::new();
    items.extend(certificates(sight));
    items.extend(versions(sight.survey));
    items.extend(hosts(sight.survey));
    items.push(backends(sight.survey));
    items.extend(transports(sight.survey));
    items.push(authority(sight));
    items.push(controller(sight.survey));
    items.extend(ports(sight));
    items.extend(orchestra(sight.survey));
    items.sort_by_key(|item| std::cmp::Reverse(item.severity));
    items
}

fn item(severity: Severity, about: &str, text: impl Into<String>, remedy: impl Into<String>) -> CheckItem {
    CheckItem { severity: severity.into(), about: about.into(), text: text.into(), remedy: remedy.into() }
}

fn names<'a>(hosts: impl IntoIterator<Item = &'a Name>) -> String {
    hosts.into_iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
}

/// Names of the hosts of which something holds.
fn hosts_that(survey: &PoolSurvey, holds: impl Fn(&SurveyedHost) -> bool) -> Vec<&Name> {
    survey.hosts.iter().filter(|(_, host)| holds(host)).map(|(name, _)| name).collect()
}

fn certificates(sight: &Sight<'_>) -> Vec<CheckItem> {
    let about = "certificate";
    let mut items = Vec::new();
    match sight.survey.certificate {
        None => items.push(item(
            Severity::Warning,
            about,
            format!("{} is not encrypted: the password is sent in clear", sight.survey.address),
            "give its https address",
        )),
        Some(fingerprint) => items.push(item(
            Severity::Ok,
            about,
            format!("{} shows a certificate with fingerprint {fingerprint}", sight.survey.address),
            "",
        )),
    }
    let untold = hosts_that(sight.survey, |host| host.fingerprint.is_none());
    if !untold.is_empty() {
        items.push(item(
            Severity::Warning,
            about,
            format!("the pool does not tell the certificates of {}, as old versions don't", names(untold)),
            "have the pool known by an authority that signed them (--xapi-ca): their OVSDBs are not believed else",
        ));
    }
    items
}

fn versions(survey: &PoolSurvey) -> Vec<CheckItem> {
    let about = "version";
    let mut by_version: BTreeMap<&str, Vec<&Name>> = BTreeMap::new();
    for (name, host) in &survey.hosts {
        by_version.entry(&host.version).or_default().push(name);
    }
    let old = hosts_that(survey, |host| numbers(&host.version).is_some_and(|version| version < VXLAN_SINCE));
    let mut items = Vec::new();
    if !old.is_empty() {
        items.push(item(
            Severity::Warning,
            about,
            format!("{} run versions that know no VXLAN tunnels", names(old)),
            "make networks with `--encapsulation gre` here, or upgrade to 8.2 or later",
        ));
    }
    let shown: Vec<String> = by_version
        .iter()
        .map(|(version, hosts)| {
            let version = if version.is_empty() { "an unknown version" } else { version };
            format!("{version} on {}", names(hosts.iter().copied()))
        })
        .collect();
    let (severity, remedy) = match shown.len() {
        0 | 1 => (Severity::Ok, ""),
        _ => (Severity::Note, "finish the upgrade of the pool"),
    };
    items.push(item(severity, about, shown.join("; "), remedy));
    items
}

/// `(8, 3)` of `XCP-ng 8.3.0`.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let number = version.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let mut parts = number.split('.').map(str::parse::<u32>);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

fn hosts(survey: &PoolSurvey) -> Vec<CheckItem> {
    let about = "hosts";
    let mut items = Vec::new();
    let dead = hosts_that(survey, |host| !host.is_live);
    if !dead.is_empty() {
        let text = format!("{} are down: they join networks when they are back", names(dead));
        items.push(item(Severity::Warning, about, text, ""));
    }
    let disabled = hosts_that(survey, |host| host.is_live && !host.is_enabled);
    if !disabled.is_empty() {
        let text = format!("{} are in maintenance: they become no centers", names(disabled));
        items.push(item(Severity::Note, about, text, ""));
    }
    let homeless = hosts_that(survey, |host| host.address.is_none());
    if !homeless.is_empty() {
        let text = format!("{} have no management address that can be dialled", names(homeless));
        items.push(item(Severity::Blocking, about, text, "give their management PIFs an address"));
    }
    items
}

/// XAPI makes no tunnel on any host while one has another backend.
fn backends(survey: &PoolSurvey) -> CheckItem {
    let other = hosts_that(survey, |host| host.backend != OPEN_VSWITCH);
    if other.is_empty() {
        return item(Severity::Ok, "backend", "every host switches with Open vSwitch", "");
    }
    item(
        Severity::Blocking,
        "backend",
        format!("{} do not switch with Open vSwitch, and all hosts of a pool must", names(other)),
        "on each of them: `xe-switch-network-backend openvswitch`, then reboot it",
    )
}

fn transports(survey: &PoolSurvey) -> Vec<CheckItem> {
    let mut items = Vec::new();
    let has_address = |network: &&SurveyedNetwork| network.hosts.values().any(Option::is_some);
    let usable: Vec<&SurveyedNetwork> = survey.networks.iter().filter(has_address).collect();
    if usable.is_empty() {
        items.push(item(
            Severity::Blocking,
            "transport",
            "no network has an address on any host, so nothing can carry tunnels",
            "`xe pif-reconfigure-ip` the PIFs of one network on every host",
        ));
    }
    for network in &usable {
        items.push(transport(survey, network));
        items.push(mtu(network));
    }
    let bare = survey.networks.iter().filter(|network| !has_address(network));
    for network in bare {
        let text = format!("{} has no address on any host, and can't carry tunnels", shown(network));
        items.push(item(Severity::Note, "transport", text, ""));
    }
    items
}

fn shown(network: &SurveyedNetwork) -> String {
    format!("network `{}` ({})", network.label, network.bridge)
}

fn transport(survey: &PoolSurvey, network: &SurveyedNetwork) -> CheckItem {
    let lacks = |name: &&Name| !matches!(network.hosts.get(*name), Some(Some(_)));
    let lacking: Vec<&Name> = survey.hosts.keys().filter(lacks).collect();
    if lacking.is_empty() {
        return item(
            Severity::Ok,
            "transport",
            format!("{} has an address on every host", shown(network)),
            "",
        );
    }
    item(
        Severity::Warning,
        "transport",
        format!("{} has no address on {}: tunnels over it don't reach them", shown(network), names(lacking)),
        "`xe pif-reconfigure-ip` their PIFs of that network, or take another one",
    )
}

fn mtu(network: &SurveyedNetwork) -> CheckItem {
    let addresses = network.hosts.values().flatten();
    let any = addresses.copied().next().unwrap_or(IpAddr::from([0, 0, 0, 0]));
    let inner = network.mtu - i64::from(Encapsulation::Vxlan.overhead(any));
    let text = format!("over {}, of MTU {}, VMs get {inner} bytes by VXLAN", shown(network), network.mtu);
    if inner >= ETHERNET {
        return item(Severity::Ok, "mtu", text, "");
    }
    item(Severity::Note, "mtu", text, "a transport with jumbo frames gives VMs the usual 1500")
}

fn authority(sight: &Sight<'_>) -> CheckItem {
    let about = "authority";
    let Some(ours) = sight.authority else {
        return item(
            Severity::Blocking,
            about,
            "the leader has no certificate to show the hosts",
            "set `[ovsdb.tls]` in the configuration of every replica",
        );
    };
    let installed = sight.survey.authorities.iter().find(|known| known.name == AUTHORITY_FILE);
    match installed.map(|known| known.fingerprint) {
        None => item(Severity::Ok, about, "no other SDN controller's CA is installed", ""),
        Some(Some(theirs)) if theirs == ours => {
            item(Severity::Ok, about, format!("our CA is installed as {AUTHORITY_FILE}"), "")
        }
        Some(Some(theirs)) => item(
            Severity::Blocking,
            about,
            format!(
                "another CA is installed as {AUTHORITY_FILE}, with fingerprint {theirs}: the hosts won't believe us"
            ),
            format!(
                "where its SDN controller is gone, `xe pool-uninstall-ca-certificate name={AUTHORITY_FILE}`; else have our \
                 certificate signed by the same authority"
            ),
        ),
        Some(None) => item(
            Severity::Warning,
            about,
            format!("a CA is installed as {AUTHORITY_FILE}, and this version does not tell whose"),
            "make sure that no other SDN controller is in use",
        ),
    }
}

fn controller(survey: &PoolSurvey) -> CheckItem {
    let about = "controller";
    match survey.controllers.iter().find(|controller| controller.protocol != "pssl") {
        Some(other) => item(
            Severity::Blocking,
            about,
            format!("the hosts report to another SDN controller, {}:{}", other.protocol, other.address),
            "where it is gone: `xe sdn-controller-list`, then `xe sdn-controller-forget uuid=...`",
        ),
        None if survey.controllers.is_empty() => item(
            Severity::Ok,
            about,
            "no SDN controller is configured; the first network configures ours",
            "",
        ),
        None => item(Severity::Ok, about, "the hosts listen for SDN controllers", ""),
    }
}

/// Before a pool has a controller its hosts listen to none, and dom0's firewall turns everybody away.
fn ports(sight: &Sight<'_>) -> Vec<CheckItem> {
    let about = "ovsdb_port";
    let listens = sight.survey.controllers.iter().any(|controller| controller.protocol == "pssl");
    let closed: Vec<&Name> =
        sight.ports.iter().filter(|(_, port)| **port != Port::Open).map(|(name, _)| name).collect();
    match (listens, closed.is_empty()) {
        (_, true) if sight.ports.is_empty() => Vec::new(),
        (true, true) => vec![item(Severity::Ok, about, "every host answers on TCP 6640", "")],
        (true, false) => {
            let severity =
                if closed.len() == sight.ports.len() { Severity::Blocking } else { Severity::Warning };
            let why: Vec<String> =
                closed.iter().map(|name| format!("{name} ({})", why(sight, name))).collect();
            vec![item(
                severity,
                about,
                format!("the leader can't reach TCP 6640 of {}", why.join(", ")),
                "let every replica through to the hosts' management addresses on TCP 6640",
            )]
        }
        (false, true) => {
            vec![item(
                Severity::Note,
                about,
                "every host answers on TCP 6640, though no controller is configured",
                "",
            )]
        }
        (false, false) => vec![item(
            Severity::Note,
            about,
            "the hosts open TCP 6640 with the first network; what is between here and there shows only then",
            "check again once there is a network",
        )],
    }
}

fn why(sight: &Sight<'_>, name: &Name) -> String {
    match sight.ports.get(name) {
        Some(Port::Refused) => "nobody listens".into(),
        Some(Port::Silent(why)) => why.clone(),
        Some(Port::Open) | None => String::new(),
    }
}

fn orchestra(survey: &PoolSurvey) -> Vec<CheckItem> {
    let about = "orchestra";
    let mut items = Vec::new();
    if survey.orchestra_networks > 0 {
        let text = match survey.orchestra_networks {
            1 => "1 network of Xen Orchestra".to_owned(),
            many => format!("{many} networks of Xen Orchestra"),
        };
        items.push(item(
            Severity::Note,
            about,
            text,
            "see what they would become: `asterctl adopt --pool POOL`",
        ));
    }
    let at_work: Vec<&str> = survey
        .orchestra_keys
        .iter()
        .map(String::as_str)
        .filter(|key| key.starts_with(ORCHESTRA_AT_WORK))
        .collect();
    if !at_work.is_empty() {
        let text = format!(
            "Xen Orchestra's SDN controller has been at work here: the pool has {}",
            at_work.join(", ")
        );
        let remedy = "unload its plugin for this pool: it rebuilds the tunnels that it knows of";
        items.push(item(Severity::Warning, about, text, remedy));
    } else if !survey.orchestra_keys.is_empty() {
        let text = "Xen Orchestra manages this pool; its SDN controller has left no sign";
        items.push(item(Severity::Note, about, text, ""));
    }
    items
}

#[cfg(test)]
mod tests;
