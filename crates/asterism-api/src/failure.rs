//! Why a call failed, as the client tells it.

use std::fmt;

use tonic::{Code, Status};

use crate::{status, v1::ErrorDetail};

/// What a caller does differently; asterctl has an exit code for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The state or the service refused it; nothing changed. Ask for something else.
    Refused,
    /// A name is not there; nothing changed.
    NotFound,
    /// Nobody could do it: no replica answers, none leads, or there is no quorum. Nothing changed; try again.
    Unavailable,
    /// No answer in time: a write may have happened. Look, or retry with the same request id.
    OutcomeUnknown,
    /// Certificates: the client's, the server's, or what the client's allows.
    NotPermitted,
    /// A bug on either side.
    Internal,
}

/// A failed call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub class: Class,
    /// See `ErrorDetail.reason`; empty when no replica said it.
    pub reason: String,
    /// The field that is wrong; empty where it is none.
    pub field: String,
    /// A sentence for people; names the field where there is one.
    pub message: String,
    /// The leader's address, when the asked replica does not lead.
    pub leader: Option<String>,
}

impl Failure {
    /// A failure that no replica told of.
    pub fn local(class: Class, message: impl fmt::Display) -> Self {
        Self {
            class,
            reason: String::new(),
            field: String::new(),
            message: message.to_string(),
            leader: None,
        }
    }

    /// The same with a hint at what to do.
    #[must_use]
    pub fn with_hint(self, hint: impl fmt::Display) -> Self {
        Self { message: format!("{}; {hint}", self.message), ..self }
    }

    /// What a status tells.
    pub fn from_status(status: &Status) -> Self {
        let detail = status::detail(status);
        let class = class_of(status, detail.as_ref());
        let ErrorDetail { reason, field, leader } = detail.unwrap_or_default();
        let leader = leader.map(|leader| leader.address);
        Self { class, reason, field, message: status.message().to_owned(), leader }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// A status without a detail was not made by a replica: tonic's, for a connection that broke, or a proxy's.
fn class_of(status: &Status, detail: Option<&ErrorDetail>) -> Class {
    let is_told = detail.is_some();
    match status.code() {
        Code::NotFound => Class::NotFound,
        Code::Unavailable => Class::Unavailable,
        Code::Unknown | Code::Cancelled | Code::Internal if !is_told => Class::Unavailable,
        Code::DeadlineExceeded | Code::Cancelled | Code::Aborted | Code::Unknown => Class::OutcomeUnknown,
        Code::PermissionDenied | Code::Unauthenticated => Class::NotPermitted,
        Code::InvalidArgument
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::ResourceExhausted
        | Code::OutOfRange => Class::Refused,
        Code::Ok | Code::Unimplemented | Code::Internal | Code::DataLoss => Class::Internal,
    }
}
