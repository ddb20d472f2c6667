//! Why a replica does not do what it was asked: what the service answers with.

use asterism_model::{NodeId, Refusal};
use tonic::{Code, Status};

use crate::{
    FieldError, status,
    v1::{ErrorDetail, Leader},
};

/// A failed call, as the server tells it. Becomes a [`Status`] with an [`ErrorDetail`].
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The state refused it; nothing changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A field is malformed; nothing was proposed.
    #[error(transparent)]
    Invalid(#[from] FieldError),
    /// What was asked for is not there.
    #[error("{0}")]
    NotFound(String),
    /// Another replica leads, or none does; nothing was proposed. The client asks the leader, or tries again.
    #[error("{}", match .leader {
        Some((node, address)) => format!("this replica does not lead: ask {node} at {address}"),
        None => "no leader answers: an election is running, or a majority of the replicas is down".to_owned(),
    })]
    NotLeader { leader: Option<(NodeId, String)> },
    /// The leader can't reach a majority; nothing happened.
    #[error("no quorum: {0}")]
    NoQuorum(String),
    /// Too much is under way; nothing happened.
    #[error("busy: {0}; try again later")]
    Busy(String),
    /// One caller asks for too many changes at once; nothing happened.
    #[error("{0}")]
    RateLimited(String),
    /// Proposed, and not answered in time: it may have happened, or may yet.
    #[error("outcome unknown: {0}")]
    OutcomeUnknown(String),
    /// The deadline of a call that changes nothing passed.
    #[error("deadline passed: {0}")]
    Deadline(String),
    /// The client's certificate doesn't allow it.
    #[error("not permitted: {0}")]
    NotPermitted(String),
    /// A pool's XAPI can't be used as was asked; nothing was stored.
    #[error("{problem}; nothing was stored")]
    Pool {
        /// See `ErrorDetail.reason`.
        reason: &'static str,
        /// Of the request, that would have to be another.
        field: &'static str,
        problem: String,
    },
    /// The members can't be changed so; nothing was.
    #[error("{problem}")]
    Members {
        /// See `ErrorDetail.reason`.
        reason: &'static str,
        problem: String,
    },
    #[error("this replica is shutting down")]
    ShuttingDown,
    /// A bug, or a broken disk: told as it is.
    #[error("internal error: {0}")]
    Internal(String),
}

impl ApiError {
    fn code(&self) -> Code {
        match self {
            Self::Refused(refusal) => classify(refusal).0,
            Self::Invalid(_) => Code::InvalidArgument,
            Self::NotFound(_) => Code::NotFound,
            Self::NotLeader { .. } | Self::NoQuorum(_) | Self::Busy(_) | Self::ShuttingDown => {
                Code::Unavailable
            }
            Self::RateLimited(_) => Code::ResourceExhausted,
            Self::Pool { .. } | Self::Members { .. } => Code::FailedPrecondition,
            Self::OutcomeUnknown(_) => Code::Unknown,
            Self::Deadline(_) => Code::DeadlineExceeded,
            Self::NotPermitted(_) => Code::PermissionDenied,
            Self::Internal(_) => Code::Internal,
        }
    }

    fn detail(&self) -> ErrorDetail {
        let (reason, field) = match self {
            Self::Refused(refusal) => return refusal_detail(refusal),
            Self::Invalid(error) => ("invalid", error.field.as_str()),
            Self::NotFound(_) => ("not_found", ""),
            Self::NotLeader { .. } => ("not_leader", ""),
            Self::NoQuorum(_) => ("no_quorum", ""),
            Self::Busy(_) => ("busy", ""),
            Self::RateLimited(_) => ("rate_limited", ""),
            Self::OutcomeUnknown(_) => ("outcome_unknown", ""),
            Self::Deadline(_) => ("deadline", ""),
            Self::NotPermitted(_) => ("not_permitted", ""),
            Self::Pool { reason, field, .. } => (*reason, *field),
            Self::Members { reason, .. } => (*reason, ""),
            Self::ShuttingDown => ("shutting_down", ""),
            Self::Internal(_) => ("internal", ""),
        };
        let leader = match self {
            Self::NotLeader { leader: Some((node, address)) } => {
                Some(Leader { node: node.0, address: address.clone() })
            }
            Self::NotLeader { leader: None }
            | Self::Refused(_)
            | Self::Invalid(_)
            | Self::NotFound(_)
            | Self::NoQuorum(_)
            | Self::Busy(_)
            | Self::RateLimited(_)
            | Self::OutcomeUnknown(_)
            | Self::Deadline(_)
            | Self::NotPermitted(_)
            | Self::Pool { .. }
            | Self::Members { .. }
            | Self::ShuttingDown
            | Self::Internal(_) => None,
        };
        ErrorDetail { reason: reason.to_owned(), field: field.to_owned(), leader }
    }
}

impl From<ApiError> for Status {
    fn from(error: ApiError) -> Self {
        status::with_detail(error.code(), &error.to_string(), &error.detail())
    }
}

/// The refusal's own name is its reason: the tag of its stored form.
fn refusal_detail(refusal: &Refusal) -> ErrorDetail {
    let reason = match serde_json::to_value(refusal) {
        Ok(serde_json::Value::String(name)) => name,
        Ok(serde_json::Value::Object(variant)) => {
            variant.into_iter().next().map(|(name, _)| name).unwrap_or_default()
        }
        Ok(_) | Err(_) => String::new(),
    };
    ErrorDetail { reason, field: classify(refusal).1.to_owned(), leader: None }
}

/// A refusal's gRPC code, and the field that it is about.
fn classify(refusal: &Refusal) -> (Code, &'static str) {
    match refusal {
        Refusal::NotInitialised => (Code::FailedPrecondition, ""),
        Refusal::AlreadyInitialised { .. } => (Code::AlreadyExists, ""),
        Refusal::UnknownSession { .. } => (Code::Aborted, "request_id.session"),
        Refusal::OutOfSequence { .. } => (Code::FailedPrecondition, "request_id.sequence"),
        Refusal::TooMany { .. } | Refusal::Exhausted { .. } => (Code::ResourceExhausted, ""),

        Refusal::NodeRetired { .. } | Refusal::NodeInvited { .. } => (Code::FailedPrecondition, "node"),
        Refusal::OtherClustersBackup { .. } => (Code::FailedPrecondition, "snapshot"),

        Refusal::UnknownPool { .. } => (Code::NotFound, "pool"),
        Refusal::PoolNameTaken { .. } => (Code::AlreadyExists, "name"),
        Refusal::PoolKnown { .. } => (Code::AlreadyExists, "addresses"),
        Refusal::NoXapiAddress => (Code::InvalidArgument, "addresses"),
        Refusal::PoolHasHosts { .. }
        | Refusal::PoolInUse { .. }
        | Refusal::PoolIsLeaving { .. }
        | Refusal::PoolIsStatic { .. }
        | Refusal::PoolListsHosts { .. }
        | Refusal::OtherPoolsInventory { .. } => (Code::FailedPrecondition, "pool"),

        Refusal::UnknownHost { .. } => (Code::NotFound, "host"),
        Refusal::HostNameTaken { .. } => (Code::AlreadyExists, "name"),
        Refusal::EndpointInvalid { .. } => (Code::InvalidArgument, "ovsdb"),
        Refusal::EndpointTaken { .. } => (Code::AlreadyExists, "ovsdb"),
        Refusal::TransportAddressTaken { .. } => (Code::AlreadyExists, "transports"),
        Refusal::TransportAddressInvalid { .. }
        | Refusal::NoTransport
        | Refusal::TransportMtuInvalid { .. } => (Code::InvalidArgument, "transports"),
        Refusal::HostLeaving { .. }
        | Refusal::HostListed { .. }
        | Refusal::HostOutOfService { .. }
        | Refusal::HostPreferred { .. }
        | Refusal::HostDisabled { .. }
        | Refusal::OtherHostPreferred { .. } => (Code::FailedPrecondition, "host"),

        Refusal::UnknownNetwork { .. } => (Code::NotFound, "network"),
        Refusal::NetworkNameTaken { .. } => (Code::AlreadyExists, "name"),
        Refusal::NoPools | Refusal::PoolSetAndRemoved { .. } => (Code::InvalidArgument, "pools"),
        Refusal::PoolNotInNetwork { .. } => (Code::FailedPrecondition, "pools"),
        Refusal::TransportMissing { .. }
        | Refusal::TransportAddressShared { .. }
        | Refusal::TransportUnknown { .. }
        | Refusal::MixedIpVersions { .. } => (Code::FailedPrecondition, "transport"),
        Refusal::EncapsulationUnknownToXapi { .. } => (Code::InvalidArgument, "encapsulation"),
        Refusal::MtuTooLarge { .. } | Refusal::MtuTooSmall { .. } => (Code::InvalidArgument, "mtu"),
        Refusal::VniTaken { .. } => (Code::AlreadyExists, "vni"),
        Refusal::NoStar { .. }
        | Refusal::NetworkNotAdopted { .. }
        | Refusal::NetworkInMotion { .. }
        | Refusal::NetworkIsOneStar { .. }
        | Refusal::NetworkReleasing { .. } => (Code::FailedPrecondition, "network"),
        Refusal::NetworkIsDual { .. } => (Code::FailedPrecondition, "resilience"),
        Refusal::PoolsNotAdopted { .. } => (Code::FailedPrecondition, "pools"),
        Refusal::PoolNetworkAdopted { .. } => (Code::AlreadyExists, "networks"),
        Refusal::BridgeInvalid { .. } => (Code::InvalidArgument, "bridge"),
        Refusal::PoolCenterUnknown { .. } => (Code::InvalidArgument, "pool_center"),
        Refusal::OtherPoolPreferred { .. } => (Code::FailedPrecondition, "pool"),
        // The one setting with a range.
        Refusal::SettingOutOfRange { .. } => (Code::InvalidArgument, "bfd_budget"),

        Refusal::StaleEpoch { .. } | Refusal::StalePlan { .. } => (Code::Aborted, ""),
        Refusal::InvalidPlan { .. } => (Code::Internal, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Failure;

    #[test]
    fn a_refusal_keeps_its_name_its_field_and_its_sentence() {
        let refusal = Refusal::MtuTooSmall { mtu: 9, min: 576 };
        let failure = Failure::from_status(&ApiError::from(refusal.clone()).into());
        assert_eq!((failure.reason.as_str(), failure.field.as_str()), ("mtu_too_small", "mtu"));
        assert_eq!(failure.message, refusal.to_string());
        let unit = Failure::from_status(&ApiError::from(Refusal::NotInitialised).into());
        assert_eq!(unit.reason, "not_initialised");
    }

    #[test]
    fn not_leader_tells_whom_to_ask() {
        let error = ApiError::NotLeader { leader: Some((NodeId(2), "10.0.0.2:7400".into())) };
        let failure = Failure::from_status(&error.into());
        assert_eq!(failure.leader.as_deref(), Some("10.0.0.2:7400"));
    }
}
