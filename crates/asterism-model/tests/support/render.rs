//! States and replies in as few words as eyes need.

use std::fmt::Write as _;

use asterism_model::{
    Choice, ClusterSettings, Detection, Drain, DrainExtent, Effect, Host, NetworkState, PrivateNetwork,
    Reply, Shape, Topology, Uplinks, XapiTrust,
};

pub fn reply(reply: &Reply) -> String {
    match reply {
        Reply::Refused(refusal) => format!("refused: {refusal}"),
        Reply::Applied { revision, effect } => match effect {
            Effect::Done => format!("r{revision}"),
            Effect::Session(id) => format!("r{revision} session {id}"),
            Effect::Epoch(epoch) => format!("r{revision} epoch {epoch}"),
            Effect::Pool(id) => format!("r{revision} pool {id}"),
            Effect::Host(id) => format!("r{revision} host {id}"),
            Effect::Network(id) => format!("r{revision} network {id}"),
        },
    }
}

/// `state`, `events`, `settings`, `sessions`, or one of `hosts`, `networks`, `topologies`.
pub fn part(state: &NetworkState, what: &str) -> String {
    let mut out = String::new();
    let wants = |part: &str| what == part || what == "state";
    if what == "state" {
        cluster(state, &mut out);
    }
    if wants("hosts") {
        hosts(state, &mut out);
    }
    if wants("networks") {
        networks(state, &mut out);
    }
    if wants("topologies") {
        topologies(state, &mut out);
    }
    if what == "events" {
        out.push_str(&story(state, 0));
    }
    if what == "settings" {
        let ClusterSettings { bfd_budget, mode } = state.settings();
        line(&mut out, format_args!("settings bfd {bfd_budget} mode {mode}"));
    }
    if what == "sessions" {
        sessions(state, &mut out);
    }
    if what == "time" {
        line(&mut out, format_args!("{:?}", state.clock()));
    }
    out
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("writing to a string");
}

fn cluster(state: &NetworkState, out: &mut String) {
    let name = state.cluster().map_or("none", |cluster| cluster.name.as_str());
    let holder = state.epoch_holder().map(|node| format!(" of {node}")).unwrap_or_default();
    let (epoch, revision) = (state.epoch(), state.revision());
    line(out, format_args!("cluster {name}, epoch {epoch}{holder}, revision {revision}"));
    for pool in state.pools().values() {
        let Some(xapi) = pool.xapi() else {
            line(out, format_args!("pool {} {}", pool.id, pool.name));
            continue;
        };
        let listed = xapi.inventory.as_ref().map_or(0, |inventory| inventory.hosts.len());
        let trust = match &xapi.access.trust {
            XapiTrust::Authority(_) => "a CA".to_owned(),
            XapiTrust::Fingerprints(known) => {
                known.iter().map(|known| known.to_string()[..2].to_owned()).collect::<Vec<_>>().join("+")
            }
        };
        let leaving = if xapi.is_leaving { ", leaving" } else { "" };
        line(
            out,
            format_args!("pool {} {} lists {listed} hosts, trusts [{trust}]{leaving}", pool.id, pool.name),
        );
    }
}

fn hosts(state: &NetworkState, out: &mut String) {
    for Host { id, ovsdb, datapath, transports, standing, uplinks, xapi, revision, .. } in
        state.hosts().values()
    {
        let label = state.host_label(*id);
        let transports: String = transports
            .iter()
            .map(|(name, transport)| format!(" {name}={}/{}", transport.address, transport.mtu))
            .collect();
        let uplinks = if *uplinks == Uplinks::One { " one uplink" } else { "" };
        let xapi = xapi.as_ref().map_or_else(String::new, |xapi| {
            let states =
                [(xapi.is_listed, "unlisted"), (xapi.is_enabled, "disabled"), (xapi.is_live, "dead")];
            let wrong: String = states.iter().filter(|(is, _)| !is).map(|(_, no)| format!(" {no}")).collect();
            format!(" xapi {}{wrong}", xapi.uuid.0)
        });
        line(
            out,
            format_args!(
                "host {id} {label} {standing:?} {datapath} {ovsdb}{transports}{uplinks}{xapi} r{revision}"
            ),
        );
    }
}

fn networks(state: &NetworkState, out: &mut String) {
    for network in state.networks().values() {
        let PrivateNetwork { id, name, encapsulation, mtu, resilience, revision, .. } = network;
        let detection = if network.detection == Detection::Fast { " fast" } else { "" };
        let vni = network.requested_vni.map(|vni| format!(" vni {vni}")).unwrap_or_default();
        let pools: String = network
            .pools
            .iter()
            .map(|(pool, attachment)| {
                let star = if network.preferred_pool == Some(*pool) { "*" } else { "" };
                let host = attachment.preferred_host.map(|host| format!(":{host}")).unwrap_or_default();
                let adopted = attachment.adopted.as_ref();
                let adopted = adopted.map(|it| format!("={}/{}", it.bridge, it.uuid.0)).unwrap_or_default();
                format!(" {star}{pool}:{}{host}{adopted}", attachment.transport)
            })
            .collect();
        let shape = if network.shape == Shape::OneStar { " one star" } else { "" };
        let origin = network.adoption.map(|adoption| {
            let end = if adoption.is_releasing { " releasing" } else { "" };
            format!(" adopted {}{end}", adoption.plugin.0)
        });
        let origin = origin.unwrap_or_default();
        line(
            out,
            format_args!(
                "network {id} {name} {encapsulation} mtu {mtu}{vni} {resilience}{detection}{pools}{shape}{origin} r{revision}"
            ),
        );
    }
}

fn topologies(state: &NetworkState, out: &mut String) {
    for (id, Topology { vni, stars, pool_center, next_pool, revision }) in state.topologies() {
        let stars: String = stars
            .iter()
            .map(|(pool, star)| {
                let standby = star.standby.map(|host| format!("+{host}")).unwrap_or_default();
                let drained = star.drained.map(drained).unwrap_or_default();
                let next = star.next.map(|next| format!(">{}", next.host)).unwrap_or_default();
                format!(" {pool}={}{standby}{drained}{next}", choice(&star.center))
            })
            .collect();
        let center = pool_center.as_ref().map(|center| format!(" center {}", choice(center)));
        let next =
            next_pool.map(|next| format!(" next {}{}", next.pool, if next.is_drained { "~" } else { "" }));
        let (center, next) = (center.unwrap_or_default(), next.unwrap_or_default());
        line(out, format_args!("topology {id} vni {vni}{stars}{center}{next} r{revision}"));
    }
}

fn drained(drain: Drain) -> String {
    let extent = match drain.extent {
        DrainExtent::Announced => "/announced",
        DrainExtent::Standby => "/standby",
        DrainExtent::All => "",
        DrainExtent::Cut => "/cut",
    };
    format!("~{}{extent}", drain.host)
}

fn choice<T: std::fmt::Display>(choice: &Choice<T>) -> String {
    let Choice { holder, cause, since, evidence } = choice;
    let evidence = evidence.as_ref().map(|evidence| format!(": {evidence}")).unwrap_or_default();
    format!("{holder} ({cause} @{}{evidence})", since.0)
}

/// The events with a greater sequence.
pub fn story(state: &NetworkState, after: u64) -> String {
    let mut out = String::new();
    for event in state.events().iter().filter(|event| event.sequence > after) {
        line(&mut out, format_args!("{} @{} {}", event.sequence, event.at.0, event.kind));
    }
    out
}

/// Sessions have no accessor, being nobody's business; their stored form shows them.
fn sessions(state: &NetworkState, out: &mut String) {
    let stored: serde_json::Value = serde_json::from_slice(&asterism_model::encode_state(state)).unwrap();
    for (id, session) in stored["value"]["sessions"].as_object().unwrap() {
        let (last_used, sequence) = (&session["last_used"], &session["last"][0]);
        line(out, format_args!("session s{id} last used @{last_used}, last request {sequence}"));
    }
}
