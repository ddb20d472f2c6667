//! Operators' operations.

use asterism_model::{Operation, RequestId, SessionId};

use super::{
    FieldError, Within, host::host_spec_from_proto, host::host_spec_to_proto, network::change_from_proto,
    network::change_to_proto, network::spec_from_proto, network::spec_to_proto, parse, settings,
};
use crate::v1::{self, write_request::Operation as Message};

/// What a request asks for.
///
/// # Errors
/// A field is malformed, or there is no operation.
pub fn operation_from_request(request: &v1::WriteRequest) -> Result<Operation, FieldError> {
    let Some(message) = &request.operation else {
        return Err(FieldError::new(
            "operation",
            "there is none: expected one of those that WriteRequest lists",
        ));
    };
    match message {
        Message::OpenSession(v1::OpenSession {}) => Ok(Operation::OpenSession),
        Message::AddPool(v1::AddPool { name }) => {
            Ok(Operation::AddPool { name: parse("add_pool.name", name)? })
        }
        Message::RemovePool(v1::RemovePool { pool, force }) => {
            Ok(Operation::RemovePool { pool: parse("remove_pool.pool", pool)?, force: *force })
        }
        Message::AddHost(message) => {
            let (pool, host) = host_spec_from_proto(message).within("add_host")?;
            Ok(Operation::AddHost { pool, host })
        }
        Message::EnableHost(v1::EnableHost { host }) => {
            Ok(Operation::EnableHost { host: parse("enable_host.host", host)? })
        }
        Message::DisableHost(v1::DisableHost { host }) => {
            Ok(Operation::DisableHost { host: parse("disable_host.host", host)? })
        }
        Message::RemoveHost(v1::RemoveHost { host, force }) => {
            Ok(Operation::RemoveHost { host: parse("remove_host.host", host)?, force: *force })
        }
        Message::CreateNetwork(message) => {
            spec_from_proto(message).within("create_network").map(Operation::CreateNetwork)
        }
        Message::UpdateNetwork(message) => Ok(Operation::UpdateNetwork {
            network: parse("update_network.network", &message.network)?,
            change: change_from_proto(message).within("update_network")?,
        }),
        Message::DeleteNetwork(v1::DeleteNetwork { network }) => {
            Ok(Operation::DeleteNetwork { network: parse("delete_network.network", network)? })
        }
        Message::ReleaseNetwork(v1::ReleaseNetwork { network }) => {
            Ok(Operation::ReleaseNetwork { network: parse("release_network.network", network)? })
        }
        Message::MoveCenter(v1::MoveCenter { network, host }) => Ok(Operation::MoveCenter {
            network: parse("move_center.network", network)?,
            host: parse("move_center.host", host)?,
        }),
        Message::MovePoolCenter(v1::MovePoolCenter { network, pool }) => Ok(Operation::MovePoolCenter {
            network: parse("move_pool_center.network", network)?,
            pool: parse("move_pool_center.pool", pool)?,
        }),
        Message::ChangeSettings(message) => {
            settings::change_from_proto(*message).within("change_settings").map(Operation::ChangeSettings)
        }
    }
}

/// An operation as a message; `None` for those that are not for operators: the controllers' own, `InitCluster` and
/// `AdoptNetworks`, which are calls of their own, and those with a password, which only a controller can seal.
pub fn operation_to_proto(operation: &Operation) -> Option<Message> {
    Some(match operation {
        Operation::OpenSession => Message::OpenSession(v1::OpenSession {}),
        Operation::AddPool { name } => Message::AddPool(v1::AddPool { name: name.to_string() }),
        Operation::RemovePool { pool, force } => {
            Message::RemovePool(v1::RemovePool { pool: pool.to_string(), force: *force })
        }
        Operation::AddHost { pool, host } => Message::AddHost(host_spec_to_proto(pool, host)),
        Operation::EnableHost { host } => Message::EnableHost(v1::EnableHost { host: host.to_string() }),
        Operation::DisableHost { host } => Message::DisableHost(v1::DisableHost { host: host.to_string() }),
        Operation::RemoveHost { host, force } => {
            Message::RemoveHost(v1::RemoveHost { host: host.to_string(), force: *force })
        }
        Operation::CreateNetwork(spec) => Message::CreateNetwork(spec_to_proto(spec)),
        Operation::UpdateNetwork { network, change } => {
            Message::UpdateNetwork(change_to_proto(network, change))
        }
        Operation::DeleteNetwork { network } => {
            Message::DeleteNetwork(v1::DeleteNetwork { network: network.to_string() })
        }
        Operation::ReleaseNetwork { network } => {
            Message::ReleaseNetwork(v1::ReleaseNetwork { network: network.to_string() })
        }
        Operation::MoveCenter { network, host } => {
            Message::MoveCenter(v1::MoveCenter { network: network.to_string(), host: host.to_string() })
        }
        Operation::MovePoolCenter { network, pool } => Message::MovePoolCenter(v1::MovePoolCenter {
            network: network.to_string(),
            pool: pool.to_string(),
        }),
        Operation::ChangeSettings(change) => Message::ChangeSettings(settings::change_to_proto(*change)),
        Operation::InitCluster { .. }
        | Operation::ClaimEpoch { .. }
        | Operation::AddXapiPool { .. }
        | Operation::ChangeXapiAccess { .. }
        | Operation::RecordInventory { .. }
        | Operation::RecordDenied { .. }
        | Operation::ForgetHost { .. }
        | Operation::RecordUplinks { .. }
        | Operation::AdoptNetworks { .. }
        | Operation::ForgetNetwork { .. }
        | Operation::ReportDivergence { .. }
        | Operation::ChangeMembers(_)
        | Operation::RestoreState { .. }
        | Operation::RecoverCluster { .. }
        | Operation::AdoptTopology { .. } => return None,
    })
}

/// The request's place in its session.
pub fn request_id_from_proto(message: v1::RequestId) -> RequestId {
    RequestId { session: SessionId(message.session), sequence: message.sequence }
}

pub fn request_id_to_proto(request: RequestId) -> v1::RequestId {
    v1::RequestId { session: request.session.0, sequence: request.sequence }
}
