//! Writes that take effect once, however often they are sent.

use asterism_model::{Effect, Operation, RequestId};

use super::{Client, Unary};
use crate::{
    Class, Failure,
    convert::{effect_of, operation_to_proto, request_id_to_proto},
    v1,
};

/// A session of this client, and what it will ask next.
#[derive(Debug)]
pub(super) struct OpenedSession {
    next: RequestId,
}

impl Client {
    /// The identity of the next write. Opens a session at first.
    ///
    /// # Errors
    /// No session could be opened; see [`Client::call`].
    pub async fn next_request_id(&mut self) -> Result<RequestId, Failure> {
        if let Some(session) = &self.session {
            return Ok(session.next);
        }
        let operation = operation_to_proto(&Operation::OpenSession);
        let receipt = self.call(v1::WriteRequest { request_id: None, operation }).await?;
        let Effect::Session(session) = effect_of(&receipt) else {
            return Err(Failure::local(Class::Internal, "a session was asked for and the answer holds none"));
        };
        let next = RequestId { session, sequence: 1 };
        self.session = Some(OpenedSession { next });
        Ok(next)
    }

    /// Carries out an operator's operation once, under the identity given, over as many attempts as it takes.
    ///
    /// # Errors
    /// See [`Client::call`]. After `OutcomeUnknown` the same identity may be used again, by any client: the write
    /// takes effect once.
    pub async fn write_as(
        &mut self,
        request_id: RequestId,
        operation: &Operation,
    ) -> Result<v1::Receipt, Failure> {
        let Some(operation) = operation_to_proto(operation) else {
            return Err(Failure::local(Class::Internal, "this operation is not one for operators"));
        };
        let request = v1::WriteRequest {
            request_id: Some(request_id_to_proto(request_id)),
            operation: Some(operation),
        };
        self.call_as(request_id, request).await
    }

    /// [`Client::call`] for a write that carries the identity given.
    ///
    /// # Errors
    /// See [`Client::write_as`].
    pub async fn call_as<R: Unary>(
        &mut self,
        request_id: RequestId,
        request: R,
    ) -> Result<R::Answer, Failure> {
        let answer = self.call(request).await;
        if let Some(OpenedSession { next }) =
            self.session.as_mut().filter(|session| session.next == request_id)
        {
            match &answer {
                // Refused by the state, which counts a refusal too, or before: the session's place is not known.
                Err(_) => self.session = None,
                Ok(_) => next.sequence += 1,
            }
        }
        answer
    }

    /// [`Client::write_as`] with [`Client::next_request_id`].
    ///
    /// # Errors
    /// See there.
    pub async fn write(&mut self, operation: &Operation) -> Result<v1::Receipt, Failure> {
        let request_id = self.next_request_id().await?;
        self.write_as(request_id, operation).await
    }
}
