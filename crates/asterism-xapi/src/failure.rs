//! What XAPI says when it says no: a code and parameters, and what follows from them.

use std::fmt;

/// An error that XAPI answered.
#[derive(Clone, PartialEq, Eq)]
pub struct XapiFailure {
    /// Such as `HANDLE_INVALID`.
    pub code: String,
    /// In an order that belongs to the code.
    pub params: Vec<String>,
}

/// What a failure means for the session it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailureKind {
    /// The session is gone: it expired, somebody logged it out, or XAPI restarted.
    SessionInvalid,
    /// Another host is the master; its address, as this host knows it.
    Slave { master: String },
    /// User or password is wrong.
    Authentication,
    /// The host waits for its master, or for itself, and serves nobody.
    Emergency,
    /// The user may not do this; the permission.
    Denied { permission: String },
    /// The object is gone.
    Gone,
    /// The method is not there, in this version.
    Unknown,
    /// Takes fewer parameters, in this version.
    ParameterCount,
    /// All others: a matter of the call.
    Other,
}

/// Codes of a host that is up and not in service: booting, or cut off from its master.
const EMERGENCY: &[&str] = &[
    "HOST_STILL_BOOTING",
    "HOST_UNKNOWN_TO_MASTER",
    "HOST_MASTER_CANNOT_TALK_BACK",
    "HOST_HAS_NO_MANAGEMENT_IP",
    "HOST_ITS_OWN_SLAVE",
    "HOST_BROKEN",
];

/// Longest parameter that is shown.
const SHOWN: usize = 200;

impl XapiFailure {
    pub fn kind(&self) -> FailureKind {
        let param = || self.params.first().cloned().unwrap_or_default();
        match self.code.as_str() {
            "SESSION_INVALID" => FailureKind::SessionInvalid,
            "HOST_IS_SLAVE" => FailureKind::Slave { master: param() },
            "SESSION_AUTHENTICATION_FAILED" => FailureKind::Authentication,
            "RBAC_PERMISSION_DENIED" => FailureKind::Denied { permission: param() },
            "HANDLE_INVALID" | "UUID_INVALID" => FailureKind::Gone,
            "MESSAGE_METHOD_UNKNOWN" | "MESSAGE_REMOVED" => FailureKind::Unknown,
            "MESSAGE_PARAMETER_COUNT_MISMATCH" => FailureKind::ParameterCount,
            code if EMERGENCY.contains(&code) => FailureKind::Emergency,
            _ => FailureKind::Other,
        }
    }

    pub fn is(&self, code: &str) -> bool {
        self.code == code
    }

    /// Without what it echoes: for calls whose parameters are secret.
    pub(crate) fn without_params(self) -> Self {
        Self { code: self.code, params: Vec::new() }
    }
}

impl fmt::Display for XapiFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", shown(&self.code))?;
        // Its parameter is the session's reference: whoever has it is logged in.
        if self.kind() == FailureKind::SessionInvalid || self.params.is_empty() {
            return Ok(());
        }
        let params: Vec<String> = self.params.iter().map(|param| shown(param)).collect();
        write!(f, " ({})", params.join(", "))
    }
}

impl fmt::Debug for XapiFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::error::Error for XapiFailure {}

/// A stranger's text, fit for a log: short, and in one line.
pub(crate) fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: &str, params: &[&str]) -> XapiFailure {
        XapiFailure { code: code.to_owned(), params: params.iter().map(|&param| param.to_owned()).collect() }
    }

    #[test]
    fn a_failure_does_not_show_the_session() {
        assert_eq!(failure("SESSION_INVALID", &["OpaqueRef:1"]).to_string(), "SESSION_INVALID");
        assert_eq!(
            failure("HANDLE_INVALID", &["PIF", "OpaqueRef:1"]).to_string(),
            "HANDLE_INVALID (PIF, OpaqueRef:1)"
        );
    }

    #[test]
    fn what_is_shown_is_one_short_line() {
        let text = failure("INTERNAL_ERROR", &[&format!("a\nb\u{1b}[2J{}", "x".repeat(1000))]).to_string();
        assert!(text.starts_with("INTERNAL_ERROR (a b [2J") && text.len() < 300, "{text}");
    }

    #[test]
    fn a_slave_without_an_address_is_a_slave_too() {
        assert_eq!(failure("HOST_IS_SLAVE", &[]).kind(), FailureKind::Slave { master: String::new() });
    }
}
