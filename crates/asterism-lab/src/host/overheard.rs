//! What a host's database is told and answers, overheard: a witness of refused writes that is not their writer.
//!
//! Reads the debug log of `ovsdb-server`'s JSON-RPC (`ovs-appctl(8)`, `vlog/set`), which has each message with its peer.

use std::fs;
use std::net::Ipv4Addr;

use super::{Host, unixctl};
use crate::error::{LabError, Result};

impl Host {
    /// From here on its database writes every message into its log.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn overhear_database(&self) -> Result<()> {
        let socket = self.dir.join("ovsdb-server.ctl");
        unixctl::ask(&socket, &[("vlog/set", vec!["jsonrpc:file:dbg".to_owned()])]).map(drop)
    }

    /// How many transactions of this client its database has refused at their first operation, the guard, since
    /// [`Host::overhear_database`].
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn refused_writes_of(&self, client: Ipv4Addr) -> Result<usize> {
        let file = self.dir.join("ovsdb-server.log");
        let log = fs::read_to_string(&file)
            .map_err(|source| LabError::io(format!("reading {}", file.display()), source))?;
        Ok(log.lines().filter(|line| is_refusal(line, client)).count())
    }
}

fn is_refusal(line: &str, client: Ipv4Addr) -> bool {
    let reply = ["tcp", "ssl"].iter().find_map(|scheme| line.split_once(&format!("|{scheme}:{client}:")));
    let Some((_, result)) = reply.and_then(|(_, rest)| rest.split_once(": send reply, result=[{")) else {
        return false;
    };
    // `wait` alone can time out (RFC 7047 section 5.2.6), and only guards are waited for.
    result.split('}').next().is_some_and(|first| first.contains(r#""error":"timed out""#))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_whose_first_operation_timed_out_is_a_refusal() {
        let line = |peer: &str, result: &str| {
            format!(
                "2025-01-01T00:00:00.000Z|00033|jsonrpc|DBG|tcp:{peer}:41234: send reply, result={result}, id=7"
            )
        };
        let client = Ipv4Addr::new(10, 10, 250, 1);
        let refused = r#"[{"details":"\"where\" clause","error":"timed out"},null]"#;
        assert!(is_refusal(&line("10.10.250.1", refused), client));
        assert!(!is_refusal(&line("10.10.250.2", refused), client));
        assert!(!is_refusal(&line("10.10.250.1", r#"[{},{"count":1}]"#), client));
        assert!(!is_refusal(&line("10.10.250.1", r#"[{},{"error":"timed out"}]"#), client));
    }
}
