//! A refusal as XAPI words it: a code and its parameters.
//!
//! Pure. The functions here are those whose shape is shared by many calls; the others are made where they arise.

use crate::value::Value;

/// An error of the API: `HANDLE_INVALID ["network", "OpaqueRef:.."]`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} {parameters:?}")]
pub struct Failure {
    /// The error's code.
    pub code: String,
    /// What the code needs to be understood.
    pub parameters: Vec<String>,
}

/// What a call answers.
pub type Answer = Result<Value, Failure>;

impl Failure {
    /// A failure of a code, with its parameters in order.
    pub fn new<P: Into<String>>(code: &str, parameters: impl IntoIterator<Item = P>) -> Failure {
        Failure { code: code.to_owned(), parameters: parameters.into_iter().map(Into::into).collect() }
    }

    /// A failure that needs no parameter.
    pub fn bare(code: &str) -> Failure {
        Failure { code: code.to_owned(), parameters: Vec::new() }
    }

    pub(crate) fn handle_invalid(class: &str, reference: &str) -> Failure {
        Failure::new("HANDLE_INVALID", [class, reference])
    }

    pub(crate) fn internal(text: impl Into<String>) -> Failure {
        Failure::new("INTERNAL_ERROR", [text.into()])
    }

    /// A mistake in an argument's type: `Failure("Expected string, got 'I(5)'")`.
    pub(crate) fn marshalling(text: &str) -> Failure {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        Failure::internal(format!("Failure(\"{quoted}\")"))
    }

    pub(crate) fn invalid_value(field: &str, value: &str) -> Failure {
        Failure::new("INVALID_VALUE", [field, value])
    }

    pub(crate) fn not_allowed(reason: &str) -> Failure {
        Failure::new("OPERATION_NOT_ALLOWED", [reason])
    }

    /// A call needs a host that the pool holds for dead, or that does not exist.
    pub fn host_offline(host: &str) -> Failure {
        Failure::new("HOST_OFFLINE", [host])
    }

    /// A call needs a host that lives, and cannot be reached.
    pub fn cannot_contact_host(host: &str) -> Failure {
        Failure::new("CANNOT_CONTACT_HOST", [host])
    }
}
