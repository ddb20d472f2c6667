//! `SESSION:SEQUENCE`

use std::{fmt, str::FromStr};

use asterism_model::{RequestId, SessionId};

/// The identity of a request, as a message of unknown outcome names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestIdArg(pub RequestId);

impl fmt::Display for RequestIdArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0.session.0, self.0.sequence)
    }
}

impl FromStr for RequestIdArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (session, sequence) = text.split_once(':')?;
            let session = SessionId(session.parse().ok()?);
            Some(Self(RequestId { session, sequence: sequence.parse().ok()? }))
        };
        read().ok_or_else(|| format!("`{text}` is not a request id: expected SESSION:SEQUENCE, as 12:1"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_reads_what_it_prints() {
        assert_eq!("12:1".parse::<RequestIdArg>().unwrap().to_string(), "12:1");
        assert!("12".parse::<RequestIdArg>().is_err());
    }
}
