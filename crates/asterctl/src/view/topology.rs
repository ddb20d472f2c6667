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
    pub revision: u64,
    pub pool_center: Option<ChoiceView>,
    pub root: Option<String>,
    pub stars: Vec<StarView>,
    pub links: Vec<LinkView>,
    #[serde(skip)]
    message: v1::Topology,
}

#[derive(Debug, Serialize)]
pub struct ChoiceView {
    pub holder: String,
    pub cause: String,
    pub since: String,
}

#[derive(Debug, Serialize)]
pub struct StarView {
    pub pool: String,
    pub transport: String,
    pub center: Option<ChoiceView>,
    pub standby: Option<String>,
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
}

#[derive(Debug, Serialize)]
pub struct LinkView {
    pub from: String,
    pub to: String,
    pub state: String,
    pub state_at_from: String,
    pub state_at_to: String,
    pub is_backup: bool,
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
            revision: message.revision,
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

impl From<&v1::Choice> for ChoiceView {
    fn from(choice: &v1::Choice) -> Self {
        Self {
            holder: choice.holder.clone(),
            cause: word!(Cause, "CAUSE_", choice.cause),
            since: time(choice.since_ms),
        }
    }
}

impl From<&v1::Star> for StarView {
    fn from(star: &v1::Star) -> Self {
        Self {
            pool: star.pool.clone(),
            transport: star.transport.clone(),
            center: star.center.as_ref().map(ChoiceView::from),
            standby: star.standby.clone(),
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
