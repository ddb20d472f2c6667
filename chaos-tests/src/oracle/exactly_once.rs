//! A request takes effect once, however often it is sent.

use std::collections::BTreeMap;

use asterism_model::{Command, NetworkState, Refusal, Reply, RequestId};

/// What each request was answered first.
#[derive(Default)]
pub struct ExactlyOnce {
    answers: BTreeMap<(u64, u64), Reply>,
}

impl ExactlyOnce {
    /// Whether the request was answered before.
    pub fn knows(&self, id: RequestId) -> bool {
        self.answers.contains_key(&(id.session.0, id.sequence))
    }

    /// # Errors
    /// A retry changed something, or was answered otherwise.
    pub fn committed(
        &mut self,
        command: &Command,
        reply: &Reply,
        before: &NetworkState,
        after: &NetworkState,
    ) -> Result<(), String> {
        let Some(id) = command.request else { return Ok(()) };
        let key = (id.session.0, id.sequence);
        let Some(first) = self.answers.get(&key) else {
            let is_session = matches!(
                reply,
                Reply::Refused(Refusal::UnknownSession { .. } | Refusal::OutOfSequence { .. })
            );
            if !is_session {
                self.answers.insert(key, reply.clone());
            }
            return Ok(());
        };
        let last_event = |state: &NetworkState| state.events().back().map(|event| event.sequence);
        if before.revision() != after.revision() || last_event(before) != last_event(after) {
            return Err(format!("{}#{} took effect twice", id.session, id.sequence));
        }
        let is_too_late =
            matches!(reply, Reply::Refused(Refusal::UnknownSession { .. } | Refusal::OutOfSequence { .. }));
        if reply == first || is_too_late {
            return Ok(());
        }
        Err(format!(
            "{}#{} was answered {first:?}, and {reply:?} when it came again",
            id.session, id.sequence
        ))
    }
}
