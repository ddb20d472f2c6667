//! A topology as programs see it. Drawings are made of the message itself.

use asterism_api::v1;
use serde::Serialize;

use super::{View, time, word};
use crate::output::tree;

#[derive(Debug, Serialize)]
pub struct TopologyView {
    pub network: String,
    pub network_id: u32,
    pub encapsulation: String,
    pub mtu: u32,
    pub vni: Option<u32>,
    pub resilience: String,
    pub detection: String,
    pub revision: u64,
    pub pool_center: Option<ChoiceView>,
    /// The pool that becomes pool-center, while that is under way.
    pub next_pool: Option<NextPoolView>,
    pub root: Option<String>,
    pub stars: Vec<StarView>,
    pub links: Vec<LinkView>,
    /// What moves that are under way wait for.
    pub waiting: Vec<String>,
    #[serde(skip)]
    message: v1::Topology,
}

#[derive(Debug, Serialize)]
pub struct ChoiceView {
    pub holder: String,
    pub cause: String,
    pub since: String,
    /// What was seen of the holder before, where that is why it was replaced.
    pub evidence: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct NextPoolView {
    pub pool: String,
    pub cause: String,
    /// Traffic is led away from the root and its standby already.
    pub is_drained: bool,
}

#[derive(Debug, Serialize)]
pub struct NextCenterView {
    pub host: String,
    pub cause: String,
}

#[derive(Debug, Serialize)]
pub struct DrainView {
    pub host: String,
    /// From whom: `standby` (its own, alone), `all` (hosts below), `cut` (all, and it has no tunnels to them for now).
    pub extent: String,
}

#[derive(Debug, Serialize)]
pub struct StarView {
    pub pool: String,
    pub transport: String,
    pub center: Option<ChoiceView>,
    pub standby: Option<String>,
    /// Who becomes star-center, while that is under way.
    pub next: Option<NextCenterView>,
    /// Who traffic is led away from.
    pub drain: Option<DrainView>,
    pub preferred_host: Option<String>,
    pub members: Vec<MemberView>,
}

#[derive(Debug, Serialize)]
pub struct MemberView {
    pub host: String,
    pub rank: String,
    pub standing: String,
    pub address: String,
    pub health: String,
    /// How many uplinks it can have: `several` or `one`.
    pub uplinks: String,
    /// The peer that its frames toward the root go to.
    pub active_uplink: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct LinkView {
    pub from: String,
    pub to: String,
    pub state: String,
    pub state_at_from: String,
    pub state_at_to: String,
    pub is_backup: bool,
    /// Whether `from` sends its frames over it; null where it is not seen.
    pub is_active: Option<bool>,
    /// Between two packets of its BFD.
    pub interval_ms: u32,
}

impl From<v1::Topology> for TopologyView {
    fn from(message: v1::Topology) -> Self {
        Self {
            network: message.network.clone(),
            network_id: message.network_id,
            encapsulation: word!(Encapsulation, "ENCAPSULATION_", message.encapsulation),
            mtu: message.mtu,
            vni: message.vni,
            resilience: word!(Resilience, "RESILIENCE_", message.resilience),
            detection: word!(Detection, "DETECTION_", message.detection),
            revision: message.revision,
            next_pool: message.next_pool.as_ref().map(NextPoolView::from),
            waiting: message.waiting.clone(),
            pool_center: message.pool_center.as_ref().map(ChoiceView::from),
            root: root_of(&message).map(ToOwned::to_owned),
            stars: message.stars.iter().map(StarView::from).collect(),
            links: message.links.iter().map(LinkView::from).collect(),
            message,
        }
    }
}

/// The star-center of the pool-center.
pub fn root_of(topology: &v1::Topology) -> Option<&str> {
    let pool = &topology.pool_center.as_ref()?.holder;
    let star = topology.stars.iter().find(|star| star.pool == *pool)?;
    star.center.as_ref().map(|center| center.holder.as_str())
}

/// Whether no frames go over a link: another uplink of its lower end carries them, as the leader sees it, or else as that end
/// prefers.
pub fn stands_by(link: &v1::Link) -> bool {
    link.is_active.map_or(link.is_backup, |is_active| !is_active)
}

impl From<&v1::Choice> for ChoiceView {
    fn from(choice: &v1::Choice) -> Self {
        Self {
            holder: choice.holder.clone(),
            cause: word!(Cause, "CAUSE_", choice.cause),
            since: time(choice.since_ms),
            evidence: choice.evidence.clone(),
        }
    }
}

impl From<&v1::NextPool> for NextPoolView {
    fn from(next: &v1::NextPool) -> Self {
        let cause = word!(Cause, "CAUSE_", next.cause);
        Self { pool: next.pool.clone(), cause, is_drained: next.is_drained }
    }
}

impl From<&v1::NextCenter> for NextCenterView {
    fn from(next: &v1::NextCenter) -> Self {
        Self { host: next.host.clone(), cause: word!(Cause, "CAUSE_", next.cause) }
    }
}

impl From<&v1::Drain> for DrainView {
    fn from(drain: &v1::Drain) -> Self {
        Self { host: drain.host.clone(), extent: word!(DrainExtent, "DRAIN_EXTENT_", drain.extent) }
    }
}

impl From<&v1::Star> for StarView {
    fn from(star: &v1::Star) -> Self {
        Self {
            pool: star.pool.clone(),
            transport: star.transport.clone(),
            center: star.center.as_ref().map(ChoiceView::from),
            standby: star.standby.clone(),
            next: star.next.as_ref().map(NextCenterView::from),
            drain: star.drain.as_ref().map(DrainView::from),
            preferred_host: star.preferred_host.clone(),
            members: star.members.iter().map(MemberView::from).collect(),
        }
    }
}

impl From<&v1::Member> for MemberView {
    fn from(member: &v1::Member) -> Self {
        Self {
            host: member.host.clone(),
            rank: word!(Rank, "RANK_", member.rank),
            standing: word!(Standing, "STANDING_", member.standing),
            address: member.address.clone(),
            health: word!(Health, "HEALTH_", member.health),
            uplinks: word!(Uplinks, "UPLINKS_", member.uplinks),
            active_uplink: member.active_uplink.clone(),
        }
    }
}

impl From<&v1::Link> for LinkView {
    fn from(link: &v1::Link) -> Self {
        let state = |number: i32| word!(LinkState, "LINK_STATE_", number);
        Self {
            from: link.from.clone(),
            to: link.to.clone(),
            state: state(link.state),
            state_at_from: state(link.state_at_from),
            state_at_to: state(link.state_at_to),
            is_backup: link.is_backup,
            is_active: link.is_active,
            interval_ms: link.interval_ms,
        }
    }
}

impl View for TopologyView {
    const KIND: &'static str = "Topology";
    // Topologies have no table: their list for people is one tree after the other.
    const COLUMNS: &'static [&'static str] = &["NETWORK", "ROOT"];

    fn cells(&self) -> Vec<String> {
        vec![self.network.clone(), self.root.clone().unwrap_or_default()]
    }

    fn text(&self) -> String {
        tree::render(&self.message)
    }
}
