//! Networks that Xen Orchestra's plugin made: found in what pools and hosts show the leader, and taken over.

use std::collections::{BTreeMap, BTreeSet};

use asterism_api::{ApiError, convert, v1};
use asterism_model::{Caller, HostRef, Name, NetworkState, Operation, PoolId, Refusal, XapiUuid};
use asterism_planner::adoption::{self, Found, Sight};
use tracing::info;

use super::{AdminService, DEADLINE, proposal_failure};
use crate::leader::{LeaderView, LeadingView};

impl AdminService {
    pub(super) async fn adoption(
        &self,
        caller: Caller,
        request: v1::AdoptRequest,
    ) -> Result<v1::Adoption, ApiError> {
        let view = self.read().await?;
        let request_id = request.request_id.map(convert::request_id_from_proto);
        if let Some(reply) = request_id.and_then(|id| view.state.answered(id)) {
            let receipt = convert::receipt(view.index, reply.clone())?;
            return Ok(v1::Adoption { receipt: Some(receipt), ..v1::Adoption::default() });
        }
        let shown: std::sync::Arc<LeaderView> = self.leader_view();
        let leading = shown.leading.as_ref().ok_or(ApiError::NotLeader { leader: None })?;
        let asked = Asked::of(&view.state, &request)?;
        let found = adoption::find(&asked.sight(&view.state, leading));
        let signs = asked.signs(&view.state, leading);
        let networks = found.iter().map(|found| told(&view.state, found)).collect();
        let mut answer = v1::Adoption { networks, signs, receipt: None };
        if request.commit {
            let operation = asked.operation(&found, &answer.signs)?;
            let (described, by) = (format!("{operation:?}"), caller.to_string());
            let proposed = self
                .replica
                .propose_for(caller, operation, request_id, self.clock.wall(), DEADLINE)
                .await
                .map_err(proposal_failure)?;
            let receipt = convert::receipt(proposed.index, proposed.reply)?;
            info!(index = receipt.index, revision = receipt.revision, by, operation = described, "applied");
            answer.receipt = Some(receipt);
        }
        Ok(answer)
    }
}

/// What an operator asks for.
struct Asked {
    pools: BTreeSet<PoolId>,
    is_off: BTreeSet<PoolId>,
    names: BTreeMap<XapiUuid, Name>,
    only: BTreeSet<String>,
}

impl Asked {
    fn of(state: &NetworkState, request: &v1::AdoptRequest) -> Result<Self, ApiError> {
        let pools = |field: &str, names: &[String]| -> Result<BTreeSet<PoolId>, ApiError> {
            names.iter().map(|name| find_pool(state, field, name)).collect()
        };
        let mut names = BTreeMap::new();
        for (uuid, name) in &request.names {
            let field = format!("names[{uuid:?}]");
            let uuid = uuid
                .parse()
                .map_err(|error: asterism_model::id::IdError| asterism_api::FieldError::new(&field, error))?;
            names.insert(uuid, convert::parse_name(&field, name)?);
        }
        Ok(Self {
            pools: pools("pools", &request.pools)?,
            is_off: pools("plugin_is_off", &request.plugin_is_off)?,
            names,
            only: request.networks.iter().cloned().collect(),
        })
    }

    fn sight<'a>(&self, state: &'a NetworkState, leading: &'a LeadingView) -> Sight<'a> {
        let pools = leading.pools.iter();
        let hosts = leading.lanes.iter().filter(|lane| lane.evidence.answers());
        Sight {
            state,
            pools: pools.filter_map(|(id, health)| Some((*id, health.picture.as_deref()?))).collect(),
            hosts: hosts.filter_map(|lane| Some((lane.host, lane.picture.as_deref()?))).collect(),
            asked: self.pools.clone(),
            names: self.names.clone(),
            only: self.only.clone(),
        }
    }

    fn signs(&self, state: &NetworkState, leading: &LeadingView) -> Vec<v1::PluginSign> {
        let asked = leading.pools.iter().filter(|(pool, _)| self.pools.contains(pool));
        let seen = asked.filter_map(|(pool, health)| Some((*pool, health.picture.as_deref()?)));
        let signs = seen
            .flat_map(|(pool, picture)| adoption::signs(picture).into_iter().map(move |text| (pool, text)));
        signs
            .map(|(pool, text)| v1::PluginSign {
                pool: state.pool_label(pool),
                text,
                is_overridden: self.is_off.contains(&pool),
            })
            .collect()
    }

    /// All that was asked for, or why not.
    fn operation(&self, found: &[Found], signs: &[v1::PluginSign]) -> Result<Operation, ApiError> {
        if let Some(sign) = signs.iter().find(|sign| !sign.is_overridden) {
            return Err(ApiError::Pool {
                reason: "plugin_is_active",
                field: "plugin_is_off",
                problem: format!(
                    "pool {pool}: Xen Orchestra's plugin looks active: {text}; unload its plugin sdn-controller, or, if the \
                     sign is an old one, name the pool with --plugin-is-off {pool}",
                    pool = sign.pool,
                    text = sign.text,
                ),
            });
        }
        let refused =
            |problem: String| ApiError::Pool { reason: "not_adoptable", field: "networks", problem };
        if found.is_empty() {
            return Err(refused("there is nothing to adopt".into()));
        }
        let mut networks = Vec::new();
        for network in found {
            let Some(spec) = &network.spec else {
                let why = network.problems.join("; ");
                return Err(refused(format!(
                    "`{}` can't be adopted: {why}; nothing was changed. Name the others with --network",
                    network.label
                )));
            };
            networks.push(spec.clone());
        }
        Ok(Operation::AdoptNetworks { networks })
    }
}

fn find_pool(state: &NetworkState, field: &str, name: &str) -> Result<PoolId, ApiError> {
    let name = convert::parse_name(field, name)?;
    let pool = state.pool_named(&name).ok_or_else(|| Refusal::UnknownPool {
        name: name.clone(),
        known: state.pools().values().map(|pool| pool.name.clone()).collect(),
    })?;
    if pool.xapi().is_none() {
        return Err(Refusal::PoolIsStatic { pool: name }.into());
    }
    Ok(pool.id)
}

fn told(state: &NetworkState, found: &Found) -> v1::AdoptableNetwork {
    let center = |pool: PoolId| {
        let pool = state.pools().get(&pool)?.name.clone();
        let host = found.spec.as_ref()?.pools.get(&pool)?.center.clone();
        Some(HostRef { pool, host }.to_string())
    };
    let pools = found.pools.iter().map(|part| v1::AdoptablePool {
        pool: state.pool_label(part.pool),
        uuid: part.uuid.to_string(),
        bridge: part.bridge.clone(),
        transport: part.transport.as_ref().map(ToString::to_string).unwrap_or_default(),
        center: center(part.pool).unwrap_or_default(),
    });
    let hosts = found
        .hosts
        .iter()
        .map(|(host, changes)| v1::AdoptableHost { host: state.host_label(*host), changes: changes.clone() });
    v1::AdoptableNetwork {
        uuid: found.plugin.to_string(),
        label: found.label.clone(),
        name: found.name.to_string(),
        encapsulation: found.encapsulation.clone(),
        vni: found.vni.clone().unwrap_or_default(),
        mtu: found.mtu,
        is_encrypted: found.is_encrypted,
        preferred_center: found.preferred_center.map(|host| state.host_label(host)).unwrap_or_default(),
        pool_center: found.spec.as_ref().map(|spec| spec.pool_center.to_string()).unwrap_or_default(),
        pools: pools.collect(),
        problems: found.problems.clone(),
        notes: found.notes.clone(),
        hosts: hosts.collect(),
    }
}
