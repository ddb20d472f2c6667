//! The script language: one command a line, written as an operator would say it.
//!
//! ```text
//! [@MS] [sN#SEQ] VERB ...
//! init lab | session | claim c1 | pool p1 | remove-pool p1 [force]
//! host p1/a 10.0.0.1 | host p1/a lan=10.0.0.1/9000 san=10.1.0.1 ovsdb=ssl:10.0.0.1 datapath=netdev
//! enable p1/a | disable p1/a | remove p1/a [force] | forget h1 [epoch=1] | uplinks h1 one|several [epoch=1]
//! network n p1 p2:san:host encap=gre mtu=1400 vni=7 prefer=p2 resilience=dual detection=fast
//! update n set=p2:san remove=p1 host=p2:b host=p1:- prefer=p2 prefer=- mtu=1400 detection=normal
//! invite c4 10.0.0.4:7400 [learner] [replaces=c1] | join c4 | retire c4 | drain-node c1 | undrain-node c1
//! restore [c1 c2 ...] (of the state itself) | recover c1 c2 ...
//! delete n | move n p1/a | move-pool n p1 | settings bfd=4000 mode=read-only
//! adopt [epoch=1] [based=5] n1:vni=7:p1=h1:p2=h4+h5~h5>h6:center=p1:next=p2~:cause=dead
//! ```
//! In a plan, `+` is before the standby, `~` before who is drained (of its standby alone with `/standby`), `>` before the next
//! center; `~` after the next pool says that the root is drained.
//!
//! A transport is `lan` with 1500 bytes unless told otherwise; an OVSDB answers at the first transport's address;
//! pools behind a XAPI are in `xapi.rs`, and what becomes of others' networks in `adoption.rs`; `adopt` has the current epoch and revision. Panics on what it can't read: scripts are written by tests.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    str::FromStr,
};

use asterism_model::{
    Caller, Cause, ClusterId, Command, Datapath, Detection, Drain, DrainExtent, Encapsulation, HostId,
    HostSpec, Invitation, MemberChange, MemberRole, Mode, Name, NetworkChange, NetworkId, NetworkSpec,
    NetworkState, NextCenter, NextPool, NodeId, Operation, OvsdbEndpoint, PoolAttachmentSpec, PoolId,
    RequestId, Resilience, SessionId, SettingsChange, StarPlan, Timestamp, TopologyPlan, Transport,
    TransportName, Uplinks, Vni,
};

use super::{adoption, xapi};

/// The transport that scripts mean when they name none.
pub const LAN: &str = "lan";

/// Reads a line; `state` gives what the line leaves out.
pub fn parse(line: &str, state: &NetworkState) -> Command {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    let mut at = state.clock();
    if let Some(time) = words[0].strip_prefix('@') {
        at = Timestamp(parse_as(time));
        words.remove(0);
    }
    let request = words[0].split_once('#').map(|(session, sequence)| RequestId {
        session: SessionId(parse_id(session, 's')),
        sequence: parse_as(sequence),
    });
    if request.is_some() {
        words.remove(0);
    }
    let caller = words[0].strip_prefix("by=").map(parse_caller);
    if caller.is_some() {
        words.remove(0);
    }
    Command { caller, request, at, operation: parse_operation(words[0], &words[1..], state) }
}

/// `NAME:ROLE@ADDRESS`
fn parse_caller(text: &str) -> Caller {
    let (name, rest) = text.split_once(':').unwrap();
    let (role, from) = rest.split_once('@').unwrap();
    Caller { name: name.to_owned(), role: parse_as(role), from: from.to_owned() }
}

fn parse_operation(verb: &str, words: &[&str], state: &NetworkState) -> Operation {
    let first = || words.first().copied().unwrap_or_else(|| panic!("`{verb}` needs a word"));
    match verb {
        "init" => Operation::InitCluster {
            cluster: ClusterId(option(words, "id").map_or(0xa57e, parse_as)),
            name: parse_as(first()),
        },
        "session" => Operation::OpenSession,
        "denied" => Operation::RecordDenied { method: first().to_owned() },
        "claim" => Operation::ClaimEpoch { node: NodeId(parse_id(first(), 'c')) },
        "pool" => Operation::AddPool { name: parse_as(first()) },
        "remove-pool" => Operation::RemovePool { pool: parse_as(first()), force: words.contains(&"force") },
        "xapi-pool" => xapi::add_pool(first(), &words[1..]),
        "access" => xapi::change_access(first(), &words[1..]),
        "inventory" => xapi::inventory(first(), &words[1..], state),
        "host" => parse_host(first(), &words[1..]),
        "enable" => Operation::EnableHost { host: parse_as(first()) },
        "disable" => Operation::DisableHost { host: parse_as(first()) },
        "remove" => Operation::RemoveHost { host: parse_as(first()), force: words.contains(&"force") },
        "forget" => Operation::ForgetHost {
            host: HostId(parse_id(first(), 'h')),
            epoch: option(words, "epoch").map_or(state.epoch(), parse_as),
        },
        "network" => Operation::CreateNetwork(parse_network(first(), &words[1..])),
        "update" => {
            Operation::UpdateNetwork { network: parse_as(first()), change: parse_change(&words[1..]) }
        }
        "uplinks" => Operation::RecordUplinks {
            host: HostId(parse_id(first(), 'h')),
            epoch: option(words, "epoch").map_or(state.epoch(), parse_as),
            uplinks: if words.contains(&"one") { Uplinks::One } else { Uplinks::Several },
        },
        "diverged" => Operation::ReportDivergence {
            node: NodeId(parse_id(first(), 'c')),
            epoch: option(words, "epoch").map_or(state.epoch(), parse_as),
            index: option(words, "index").map_or(0, parse_as),
        },
        "settings" => Operation::ChangeSettings(SettingsChange {
            bfd_budget: option(words, "bfd").map(parse_as),
            mode: option(words, "mode").map(parse_mode),
        }),
        "invite" | "join" | "retire" | "drain-node" | "undrain-node" => parse_member_change(verb, words),
        "restore" => {
            Operation::RestoreState { state: state.clone().for_restore().into(), members: parse_nodes(words) }
        }
        "recover" => {
            Operation::RecoverCluster { survivor: parse_node(first()), lost: parse_nodes(&words[1..]) }
        }
        "move" => Operation::MoveCenter { network: parse_as(first()), host: parse_as(words[1]) },
        "move-pool" => Operation::MovePoolCenter { network: parse_as(first()), pool: parse_as(words[1]) },
        "delete" => Operation::DeleteNetwork { network: parse_as(first()) },
        "take" => adoption::adopt(first(), &words[1..]),
        "release" => Operation::ReleaseNetwork { network: parse_as(first()) },
        "forget-network" => adoption::forget(first(), &words[1..], state),
        "adopt" => Operation::AdoptTopology {
            epoch: option(words, "epoch").map_or(state.epoch(), parse_as),
            based_on: option(words, "based").map_or(state.revision(), parse_as),
            changes: words.iter().filter(|word| word.contains(':')).map(|word| parse_plan(word)).collect(),
        },
        other => panic!("there is no verb `{other}`"),
    }
}

fn parse_member_change(verb: &str, words: &[&str]) -> Operation {
    let node = parse_node(words[0]);
    Operation::ChangeMembers(match verb {
        "invite" => {
            let is_learner = words.contains(&"learner");
            let invitation = Invitation {
                address: words[1].to_owned(),
                role: if is_learner { MemberRole::Learner } else { MemberRole::Voter },
                replaces: option(words, "replaces").map(parse_node),
            };
            MemberChange::Invite { node, invitation }
        }
        "join" => MemberChange::Join { node },
        "retire" => MemberChange::Retire { node },
        "drain-node" => MemberChange::Drain { node },
        "undrain-node" => MemberChange::Undrain { node },
        other => panic!("there is no change `{other}` of members"),
    })
}

fn parse_nodes(words: &[&str]) -> BTreeSet<NodeId> {
    words.iter().map(|word| parse_node(word)).collect()
}

fn parse_node(word: &str) -> NodeId {
    NodeId(parse_id(word, 'c'))
}

fn parse_host(label: &str, words: &[&str]) -> Operation {
    let (pool, name) = label.split_once('/').expect("POOL/HOST");
    let is_setting = |word: &str| word.starts_with("ovsdb=") || word.starts_with("datapath=");
    let transports: Vec<(TransportName, Transport)> =
        words.iter().filter(|word| !is_setting(word)).map(|word| parse_transport(word)).collect();
    let ovsdb = option(words, "ovsdb").map_or_else(
        || {
            let (_, first) = transports.first().expect("without a transport an `ovsdb=` is needed");
            OvsdbEndpoint::Tcp((first.address, 6640).into())
        },
        // As it is read from the log, which leaves the check to `apply`.
        |text| OvsdbEndpoint::try_from(text.to_owned()).expect("SCHEME:PLACE"),
    );
    let datapath = match option(words, "datapath") {
        Some("netdev") => Datapath::Netdev,
        Some("system") | None => Datapath::System,
        Some(other) => panic!("there is no datapath `{other}`"),
    };
    let host =
        HostSpec { name: parse_as(name), ovsdb, datapath, transports: transports.into_iter().collect() };
    Operation::AddHost { pool: parse_as(pool), host }
}

pub(super) fn parse_transport(word: &str) -> (TransportName, Transport) {
    let (name, place) = word.split_once('=').unwrap_or((LAN, word));
    let (address, mtu) = place.split_once('/').unwrap_or((place, "1500"));
    (parse_as(name), Transport { address: parse_as::<IpAddr>(address), mtu: parse_as(mtu) })
}

fn parse_network(name: &str, words: &[&str]) -> NetworkSpec {
    let pools = words.iter().filter(|word| !word.contains('=')).map(|word| parse_attachment(word));
    NetworkSpec {
        name: parse_as(name),
        encapsulation: option(words, "encap").map_or(Encapsulation::Vxlan, parse_as),
        mtu: option(words, "mtu").map(parse_as),
        vni: option(words, "vni").map(parse_vni),
        resilience: option(words, "resilience").map_or(Resilience::Single, parse_resilience),
        detection: option(words, "detection").map_or(Detection::Normal, parse_detection),
        pools: pools.collect(),
        preferred_pool: option(words, "prefer").map(parse_as),
    }
}

fn parse_change(words: &[&str]) -> NetworkChange {
    let prefer_hosts = all_options(words, "host").map(|value| {
        let (pool, host) = value.split_once(':').expect("POOL:HOST or POOL:-");
        (parse_as(pool), parse_unless_dash(host))
    });
    NetworkChange {
        mtu: option(words, "mtu").map(parse_as),
        resilience: option(words, "resilience").map(parse_resilience),
        detection: option(words, "detection").map(parse_detection),
        set_pools: all_options(words, "set").map(parse_attachment).collect(),
        remove_pools: all_options(words, "remove").map(parse_as).collect(),
        prefer_hosts: prefer_hosts.collect(),
        prefer_pool: option(words, "prefer").map(parse_unless_dash),
    }
}

/// `POOL[:TRANSPORT[:HOST]]`
fn parse_attachment(word: &str) -> (Name, PoolAttachmentSpec) {
    let mut parts = word.split(':');
    let pool = parse_as(parts.next().expect("POOL"));
    let transport = parse_as(parts.next().unwrap_or(LAN));
    (pool, PoolAttachmentSpec { transport, preferred_host: parts.next().map(parse_as) })
}

fn parse_plan(word: &str) -> (NetworkId, TopologyPlan) {
    let parts: Vec<&str> = word.split(':').collect();
    let cause = option(&parts, "cause").map_or(Cause::First, parse_cause);
    let is_star = |part: &&&str| part.starts_with('p') && part.contains('=');
    let stars = parts.iter().filter(is_star).map(|part| {
        let (pool, hosts) = part.split_once('=').expect("POOL=HOST");
        let center = hosts.split(['+', '~', '>']).next().expect("HOST");
        let with = |mark: char| {
            let (_, after) = hosts.split_once(mark)?;
            Some(HostId(parse_id(after.split(['+', '~', '>']).next()?, 'h')))
        };
        let star = StarPlan {
            evidence: option(&parts, "evidence").map(str::to_owned),
            standby: with('+'),
            drained: drained(hosts),
            next: with('>').map(|host| NextCenter { host, cause }),
            ..StarPlan::around(HostId(parse_id(center, 'h')), cause)
        };
        (PoolId(parse_id(pool, 'p')), star)
    });
    let plan = TopologyPlan {
        vni: parse_vni(option(&parts, "vni").expect("a plan has a VNI")),
        stars: stars.collect::<BTreeMap<_, _>>(),
        pool_center: option(&parts, "center").map(|pool| (PoolId(parse_id(pool, 'p')), cause)),
        next_pool: option(&parts, "next").map(|pool| NextPool {
            pool: PoolId(parse_id(pool.trim_end_matches('~'), 'p')),
            cause,
            is_announced: pool.ends_with("~~"),
            is_drained: pool.ends_with('~'),
        }),
    };
    (NetworkId(parse_id(parts[0], 'n')), plan)
}

/// `h1~h1`, `h1~h1/announced`, `h1~h1/standby` or `h1~h1/cut`.
fn drained(hosts: &str) -> Option<Drain> {
    let (_, after) = hosts.split_once('~')?;
    let word = after.split(['+', '>']).next()?;
    let (host, extent) = match word.split_once('/') {
        Some((host, "announced")) => (host, DrainExtent::Announced),
        Some((host, "standby")) => (host, DrainExtent::Standby),
        Some((host, "cut")) => (host, DrainExtent::Cut),
        Some((_, other)) => panic!("there is no extent `{other}`"),
        None => (word, DrainExtent::All),
    };
    Some(Drain { host: HostId(parse_id(host, 'h')), extent })
}

fn parse_cause(text: &str) -> Cause {
    [
        Cause::First,
        Cause::Preferred,
        Cause::Disabled,
        Cause::Removed,
        Cause::Dead,
        Cause::CutOff,
        Cause::Moved,
    ]
    .into_iter()
    .find(|cause| cause.as_str().replace(' ', "-") == text)
    .unwrap_or_else(|| panic!("there is no cause `{text}`"))
}

fn parse_resilience(text: &str) -> Resilience {
    [Resilience::Single, Resilience::Dual]
        .into_iter()
        .find(|resilience| resilience.as_str() == text)
        .unwrap_or_else(|| panic!("there is no resilience `{text}`"))
}

fn parse_detection(text: &str) -> Detection {
    [Detection::Normal, Detection::Fast]
        .into_iter()
        .find(|detection| detection.as_str() == text)
        .unwrap_or_else(|| panic!("there is no detection `{text}`"))
}

fn parse_mode(text: &str) -> Mode {
    [Mode::Active, Mode::ReadOnly]
        .into_iter()
        .find(|mode| mode.as_str() == text)
        .unwrap_or_else(|| panic!("there is no mode `{text}`"))
}

fn parse_vni(text: &str) -> Vni {
    Vni::new(parse_as(text)).unwrap_or_else(|| panic!("`{text}` is no VNI"))
}

/// `-` takes something away.
fn parse_unless_dash(text: &str) -> Option<Name> {
    (text != "-").then(|| parse_as(text))
}

fn parse_id<T: FromStr>(text: &str, letter: char) -> T {
    let number = text.strip_prefix(letter).unwrap_or_else(|| panic!("`{text}` has no `{letter}`"));
    parse_as(number)
}

pub(super) fn parse_as<T: FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("can't read `{text}`"))
}

pub(super) fn option<'a>(words: &[&'a str], key: &str) -> Option<&'a str> {
    all_options(words, key).next()
}

fn all_options<'a>(words: &[&'a str], key: &str) -> impl Iterator<Item = &'a str> {
    words.iter().filter_map(move |word| word.strip_prefix(key)?.strip_prefix('='))
}
