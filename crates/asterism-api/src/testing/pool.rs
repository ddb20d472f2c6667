//! Pools behind a XAPI that is scripted: what it shows is what the test said.

use asterism_model::{Operation, SealedSecret, XapiAccess, XapiTrust};

use super::Shared;
use crate::{
    ApiError, convert,
    convert::{TrustRequest, WholeAccess},
    v1,
};

pub(super) fn add(shared: &Shared, request: &v1::AddXapiPoolRequest) -> Result<v1::XapiReceipt, ApiError> {
    let name = convert::parse_name("name", &request.name)?;
    let whole = convert::access_from_proto(request.access.as_ref())?.whole()?;
    let survey = look(shared, request.access.as_ref())?.survey.unwrap_or_default();
    let uuid =
        survey.uuid.parse().map_err(|error| ApiError::Internal(format!("the test's uuid: {error}")))?;
    let operation = Operation::AddXapiPool { name, uuid, access: Box::new(sealed(whole, &survey)) };
    write(shared, request.request_id, operation, survey)
}

pub(super) fn change(
    shared: &Shared,
    request: &v1::ChangeXapiAccessRequest,
) -> Result<v1::XapiReceipt, ApiError> {
    let pool = convert::parse_name("pool", &request.pool)?;
    let change = convert::access_from_proto(request.access.as_ref())?;
    let survey = look(shared, request.access.as_ref())?.survey.unwrap_or_default();
    let known = shared.lock().state.pool_named(&pool).and_then(|pool| pool.xapi()).cloned();
    let Some(known) = known else { return Err(ApiError::NotFound(format!("there is no pool `{pool}`"))) };
    let mut access = known.access;
    access.user = change.user.unwrap_or(access.user);
    if !change.addresses.is_empty() {
        access.addresses = change.addresses;
    }
    let operation = Operation::ChangeXapiAccess { pool, access: Box::new(access) };
    write(shared, request.request_id, operation, survey)
}

pub(super) fn check(shared: &Shared, request: &v1::CheckPoolRequest) -> Result<v1::PoolCheck, ApiError> {
    match &request.subject {
        Some(v1::check_pool_request::Subject::Access(access)) => look(shared, Some(access)),
        Some(v1::check_pool_request::Subject::Pool(_)) | None => look(shared, None),
    }
}

fn look(shared: &Shared, access: Option<&v1::XapiAccess>) -> Result<v1::PoolCheck, ApiError> {
    let mut replicated = shared.lock();
    replicated.access = access.cloned();
    replicated.pool_check.clone().ok_or_else(|| ApiError::Pool {
        reason: "xapi_unreachable",
        field: "access.addresses",
        problem: "https://10.0.0.1 cannot be reached".into(),
    })
}

fn sealed(whole: WholeAccess, survey: &v1::PoolSurvey) -> XapiAccess {
    let seen = || survey.fingerprint.parse().into_iter().collect();
    XapiAccess {
        addresses: whole.addresses,
        user: whole.user,
        password: SealedSecret { key: "00000000".into(), sealed: "00".into() },
        trust: match whole.trust {
            TrustRequest::Given(trust) => trust,
            TrustRequest::FirstUse => XapiTrust::Fingerprints(seen()),
        },
    }
}

fn write(
    shared: &Shared,
    request_id: Option<v1::RequestId>,
    operation: Operation,
    survey: v1::PoolSurvey,
) -> Result<v1::XapiReceipt, ApiError> {
    let (index, reply) = shared.apply(request_id.map(convert::request_id_from_proto), operation);
    Ok(v1::XapiReceipt { receipt: Some(convert::receipt(index, reply)?), survey: Some(survey) })
}
