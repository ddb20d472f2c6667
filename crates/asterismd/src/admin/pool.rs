//! Pools behind a XAPI: added, changed and checked by the leader, who looks at the pool before anything is stored.

use asterism_api::{ApiError, FieldError, convert, v1};
use asterism_model::{Caller, Operation, Pool, Refusal, XapiAccess, XapiPool};
use asterism_raft::View;
use asterism_xapi::{PoolSurvey, XapiConfig};
use tracing::info;

use super::{AdminService, DEADLINE, proposal_failure};
use crate::{
    pools::{self, preflight, survey, survey_to_proto, trust_at_first, trust_to_keep},
    secrets::Secret,
};

impl AdminService {
    pub(super) async fn add_pool(
        &self,
        caller: Caller,
        request: v1::AddXapiPoolRequest,
    ) -> Result<v1::XapiReceipt, ApiError> {
        let name = convert::parse_name("name", &request.name)?;
        let asked = convert::access_from_proto(request.access.as_ref())?.whole()?;
        let view = self.read().await?;
        if let Some(receipt) = answered(&view, request.request_id) {
            return receipt;
        }
        // Said before anybody is dialled; `apply` says it again.
        if view.state.pool_named(&name).is_some() {
            return Err(Refusal::PoolNameTaken { name }.into());
        }
        let key = self.pools.require_key()?;
        let password = Secret::new(asked.password.text);
        let trust = trust_at_first(&asked.trust);
        let config = self.pools.with(asked.addresses.clone(), &asked.user, &password, trust, None);
        let seen = survey(&config).await?;
        let told = seen.hosts.values().filter_map(|host| host.fingerprint);
        let access = XapiAccess {
            addresses: asked.addresses,
            user: asked.user,
            password: key.seal(seen.uuid, &password).map_err(sealing)?,
            trust: trust_to_keep(asked.trust, seen.certificate.into_iter().chain(told)),
        };
        let operation = Operation::AddXapiPool { name, uuid: seen.uuid, access: Box::new(access) };
        self.write_pool(caller, operation, request.request_id, &seen).await
    }

    pub(super) async fn change_pool_access(
        &self,
        caller: Caller,
        request: v1::ChangeXapiAccessRequest,
    ) -> Result<v1::XapiReceipt, ApiError> {
        let name = convert::parse_name("pool", &request.pool)?;
        let asked = convert::access_from_proto(request.access.as_ref())?;
        let view = self.read().await?;
        if let Some(receipt) = answered(&view, request.request_id) {
            return receipt;
        }
        let (_, xapi) = find_xapi(&view, &name)?;
        let key = self.pools.require_key()?;
        let known = &xapi.access;
        let password = match asked.password {
            Some(given) => Secret::new(given.text),
            None => key.open(xapi.uuid, &known.password).map_err(|error| ApiError::Pool {
                reason: "no_cluster_key",
                field: "access.password",
                problem: format!("the password that is stored can't be used: {error}"),
            })?,
        };
        let addresses = if asked.addresses.is_empty() { known.addresses.clone() } else { asked.addresses };
        let user = asked.user.unwrap_or_else(|| known.user.clone());
        let trust = asked.trust.unwrap_or_else(|| convert::TrustRequest::Given(known.trust.clone()));
        let at_first = trust_at_first(&trust);
        let config = self.pools.with(addresses.clone(), &user, &password, at_first, Some(xapi.uuid));
        let seen = survey(&config).await?;
        let told = seen.hosts.values().filter_map(|host| host.fingerprint);
        let access = XapiAccess {
            addresses,
            user,
            password: key.seal(xapi.uuid, &password).map_err(sealing)?,
            trust: trust_to_keep(trust, seen.certificate.into_iter().chain(told)),
        };
        let operation = Operation::ChangeXapiAccess { pool: name, access: Box::new(access) };
        self.write_pool(caller, operation, request.request_id, &seen).await
    }

    pub(super) async fn preflight(&self, request: v1::CheckPoolRequest) -> Result<v1::PoolCheck, ApiError> {
        let config = match request.subject {
            Some(v1::check_pool_request::Subject::Pool(name)) => self.stored_config(&name).await?,
            Some(v1::check_pool_request::Subject::Access(access)) => {
                let asked = convert::access_from_proto(Some(&access))?.whole()?;
                let (password, trust) = (Secret::new(asked.password.text), trust_at_first(&asked.trust));
                self.pools.with(asked.addresses, &asked.user, &password, trust, None)
            }
            None => {
                let expected = "expected `pool` or `access`";
                return Err(FieldError::new("subject", format_args!("there is none: {expected}")).into());
            }
        };
        let seen = survey(&config).await?;
        let addresses = seen.hosts.iter().filter(|(_, host)| host.is_live);
        let addresses = addresses.filter_map(|(name, host)| Some((name.clone(), host.address?)));
        let ports = pools::probe(addresses).await;
        let authority = self.pools.identity().map(|identity| identity.authority);
        let items = preflight::judge(&preflight::Sight { survey: &seen, ports: &ports, authority });
        Ok(v1::PoolCheck { survey: Some(survey_to_proto(&seen)), items })
    }

    async fn stored_config(&self, name: &str) -> Result<XapiConfig, ApiError> {
        let name = convert::parse_name("pool", name)?;
        let view = self.read().await?;
        let (pool, xapi) = find_xapi(&view, &name)?;
        self.pools.config(&view.state, pool, xapi).map_err(|error| ApiError::Pool {
            reason: "no_cluster_key",
            field: "pool",
            problem: asterism_model::chain(&error),
        })
    }

    /// As any write; what is sealed in it is not logged.
    async fn write_pool(
        &self,
        caller: Caller,
        operation: Operation,
        request_id: Option<v1::RequestId>,
        seen: &PoolSurvey,
    ) -> Result<v1::XapiReceipt, ApiError> {
        let request_id = request_id.map(convert::request_id_from_proto);
        let (described, by) = (format!("{operation:?}"), caller.to_string());
        let proposed = self
            .replica
            .propose_for(caller, operation, request_id, self.clock.wall(), DEADLINE)
            .await
            .map_err(proposal_failure)?;
        let receipt = convert::receipt(proposed.index, proposed.reply)?;
        info!(index = receipt.index, revision = receipt.revision, by, operation = described, "applied");
        Ok(v1::XapiReceipt { receipt: Some(receipt), survey: Some(survey_to_proto(seen)) })
    }
}

/// The answer to a request that was carried out before: its pool may not answer any more, and need not.
fn answered(view: &View, request_id: Option<v1::RequestId>) -> Option<Result<v1::XapiReceipt, ApiError>> {
    let reply = view.state.answered(convert::request_id_from_proto(request_id?))?;
    let receipt = convert::receipt(view.index, reply.clone());
    Some(
        receipt
            .map(|receipt| v1::XapiReceipt { receipt: Some(receipt), survey: None })
            .map_err(ApiError::from),
    )
}

fn find_xapi<'a>(view: &'a View, name: &asterism_model::Name) -> Result<(&'a Pool, &'a XapiPool), ApiError> {
    let request = v1::ListPoolsRequest { consistency: 0, pool: Some(name.to_string()) };
    let pool = convert::list_pools(&view.state, &request)?.into_iter().next();
    let pool = pool.ok_or_else(|| ApiError::NotFound(format!("there is no pool `{name}`")))?;
    let xapi = pool.xapi().ok_or_else(|| Refusal::PoolIsStatic { pool: name.clone() })?;
    Ok((pool, xapi))
}

fn sealing(error: openssl::error::ErrorStack) -> ApiError {
    ApiError::Internal(format!("sealing the password: {error}"))
}
