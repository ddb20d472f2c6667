//! What would come of a failure, in the API's words; the planner foretells, and consensus says who of the controllers is
//! left.

use std::{collections::BTreeSet, time::Duration};

use asterism_api::{
    ApiError, FieldError, convert,
    v1::{self, kill::What, planned_choice::Subject},
};
use asterism_model::{HostId, NetworkState, NodeId, PoolId};
use asterism_planner::{
    Delays, Kill,
    whatif::{self, Interruption, NetworkForecast, Pairs, Remedy, Succession},
};
use asterism_raft::View;

use super::{AdminService, cluster::Voters, live};

/// What is killed, once every name is found.
#[derive(Default)]
struct Killed {
    hosts: BTreeSet<HostId>,
    links: BTreeSet<[HostId; 2]>,
    controllers: BTreeSet<NodeId>,
}

impl AdminService {
    pub(super) fn forecast(
        &self,
        view: &View,
        request: &v1::WhatIfRequest,
    ) -> Result<v1::Forecast, ApiError> {
        let state = &view.state;
        let Killed { hosts, links, controllers } = self.killed(state, &request.kill)?;
        let controllers = self.controllers_left(&controllers);
        let kill = Kill {
            hosts,
            links,
            has_no_quorum: !controllers.has_quorum,
            leaderless: controllers
                .leader_within_ms
                .map_or(Duration::ZERO, |ms| Duration::from_millis(ms.into())),
        };
        let shown = self.leader_view();
        let evidence = shown.leading.as_ref().map(|leading| &leading.evidence);
        let delays = Delays { graces: self.graces, session: self.session };
        let found = whatif::whatif(state, evidence, &delays, &kill);
        let mut networks: Vec<v1::NetworkForecast> =
            found.networks.iter().map(|network| told(state, network)).collect();
        networks.sort_by(|a, b| a.network.cmp(&b.network));
        Ok(v1::Forecast {
            mark: Some(self.mark(view)),
            networks,
            untouched: live::count(found.untouched),
            controllers: Some(controllers),
        })
    }

    fn killed(&self, state: &NetworkState, kills: &[v1::Kill]) -> Result<Killed, ApiError> {
        if kills.is_empty() {
            return Err(FieldError::new("kill", "there is none: expected one at least").into());
        }
        let mut killed = Killed::default();
        for (place, kill) in kills.iter().enumerate() {
            let field = |name: &str| format!("kill[{place}].{name}");
            let host = |name: &str, label: &str| -> Result<HostId, ApiError> {
                Ok(convert::find_host(state, &convert::parse_host(&field(name), label)?)?.id)
            };
            match &kill.what {
                Some(What::Host(label)) => {
                    killed.hosts.insert(host("host", label)?);
                }
                Some(What::Pool(name)) => {
                    let request = v1::ListPoolsRequest { pool: Some(name.clone()), ..Default::default() };
                    let pools = convert::list_pools(state, &request)?;
                    let hosts = pools.into_iter().flat_map(|pool| state.hosts_of(pool.id));
                    killed.hosts.extend(hosts.map(|host| host.id));
                }
                Some(What::Link(v1::LinkKill { one, other })) => {
                    let mut ends = [host("link.one", one)?, host("link.other", other)?];
                    ends.sort_unstable();
                    killed.links.insert(ends);
                }
                Some(What::Controller(node)) => {
                    killed.controllers.insert(self.controller(&field("controller"), *node)?);
                }
                None => {
                    let expected = "there is none: expected a host, a pool, a link or a controller";
                    return Err(FieldError::new(field("what"), expected).into());
                }
            }
        }
        Ok(killed)
    }

    fn controller(&self, field: &str, node: u64) -> Result<NodeId, ApiError> {
        let members = self.replica.status().members;
        if members.iter().any(|member| member.peer.node.0 == node) {
            return Ok(NodeId(node));
        }
        let known: Vec<String> = members.iter().map(|member| member.peer.node.0.to_string()).collect();
        let problem = format_args!("there is no controller {node}; expected one of {}", known.join(", "));
        Err(FieldError::new(field, problem).into())
    }

    /// Voters that are killed or out of the leader's hearing already are not left.
    fn controllers_left(&self, killed: &BTreeSet<NodeId>) -> v1::ControllersForecast {
        let Voters { all: voters, left } = self.voters_without(killed);
        let has_quorum = left > voters / 2;
        let is_leader_killed =
            self.replica.status().leader.is_some_and(|leader| killed.contains(&leader.node));
        v1::ControllersForecast {
            voters: live::count(voters),
            voters_left: live::count(left),
            has_quorum,
            leader_within_ms: (is_leader_killed && has_quorum).then(|| millis(self.failover)),
        }
    }
}

fn told(state: &NetworkState, forecast: &NetworkForecast) -> v1::NetworkForecast {
    let name = state.networks().get(&forecast.network).map(|network| network.name.to_string());
    v1::NetworkForecast {
        network: name.unwrap_or_else(|| forecast.network.to_string()),
        successions: forecast.successions.iter().map(|passing| succession(state, passing)).collect(),
        interruptions: forecast.interruptions.iter().map(|lost| interruption(state, lost)).collect(),
        cut: forecast.cut.as_ref().map(|pairs| lasting(state, pairs)),
        pairs: forecast.pairs,
        killed: forecast.killed.iter().map(|host| state.host_label(*host)).collect(),
    }
}

fn succession(state: &NetworkState, passing: &Succession) -> v1::Succession {
    let host = |host: Option<HostId>| host.map(|host| state.host_label(host));
    let pool = |pool: Option<PoolId>| pool.map(|pool| state.pool_label(pool));
    let by = |by: Remedy| remedy(by).into();
    match *passing {
        Succession::Center { pool: of, from, to, remedy } => v1::Succession {
            subject: Subject::StarCenter.into(),
            pool: pool(Some(of)),
            from: host(from),
            to: host(to),
            remedy: by(remedy),
        },
        Succession::Standby { pool: of, from, to } => v1::Succession {
            subject: Subject::Standby.into(),
            pool: pool(Some(of)),
            from: host(from),
            to: host(to),
            remedy: by(Remedy::Election),
        },
        Succession::PoolCenter { from, to } => v1::Succession {
            subject: Subject::PoolCenter.into(),
            pool: None,
            from: pool(from),
            to: pool(to),
            remedy: by(Remedy::Election),
        },
    }
}

fn remedy(remedy: Remedy) -> v1::Remedy {
    match remedy {
        Remedy::DataPlane => v1::Remedy::DataPlane,
        Remedy::Election => v1::Remedy::Election,
    }
}

fn interruption(state: &NetworkState, lost: &Interruption) -> v1::Interruption {
    v1::Interruption {
        heals_within_ms: Some(millis(lost.heals_within)),
        remedy: remedy(lost.remedy).into(),
        ..lasting(state, &lost.pairs)
    }
}

fn lasting(state: &NetworkState, pairs: &Pairs) -> v1::Interruption {
    let example = |[one, other]: &[HostId; 2]| {
        let (one, other) = (state.host_label(*one), state.host_label(*other));
        v1::HostPair { one, other }
    };
    v1::Interruption {
        pairs: pairs.count,
        examples: pairs.examples.iter().map(example).collect(),
        heals_within_ms: None,
        remedy: v1::Remedy::Unspecified.into(),
    }
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
