//! What came of a write.

use asterism_model::{Effect, HostId, NetworkId, PoolId, Refusal, Reply, SessionId};

use crate::v1::{self, receipt::Effect as Message};

/// The answer to a write whose log entry had that index.
///
/// # Errors
/// The state refused it.
pub fn receipt(index: u64, reply: Reply) -> Result<v1::Receipt, Refusal> {
    match reply {
        Reply::Applied { revision, effect } => {
            Ok(v1::Receipt { index, revision, effect: effect_to_proto(effect) })
        }
        Reply::Refused(refusal) => Err(refusal),
    }
}

fn effect_to_proto(effect: Effect) -> Option<Message> {
    match effect {
        // No operator's write claims an epoch.
        Effect::Done | Effect::Epoch(_) => None,
        Effect::Session(SessionId(id)) => Some(Message::Session(id)),
        Effect::Pool(PoolId(id)) => Some(Message::Pool(id)),
        Effect::Host(HostId(id)) => Some(Message::Host(id)),
        Effect::Network(NetworkId(id)) => Some(Message::Network(id)),
    }
}

/// What a write made.
pub fn effect_of(receipt: &v1::Receipt) -> Effect {
    match receipt.effect {
        None => Effect::Done,
        Some(Message::Session(id)) => Effect::Session(SessionId(id)),
        Some(Message::Pool(id)) => Effect::Pool(PoolId(id)),
        Some(Message::Host(id)) => Effect::Host(HostId(id)),
        Some(Message::Network(id)) => Effect::Network(NetworkId(id)),
    }
}
