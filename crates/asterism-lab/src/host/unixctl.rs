//! Asks a running Open vSwitch daemon something through its control socket, as `ovs-appctl` does, without a process each time.
//!
//! The protocol is JSON-RPC 1.0 over a Unix socket (`ovs-appctl(8)`, `lib/unixctl.c` of Open vSwitch).

use std::io::{BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Deserializer, Value, json};

use crate::error::{LabError, Result};

/// A daemon that does not answer by then is frozen or busy beyond use.
const DEADLINE: Duration = Duration::from_secs(20);

/// Sends several commands over one connection and gives their answers.
///
/// # Errors
/// When the daemon cannot be reached, does not answer within 20 s, or refuses a command.
pub(super) fn ask(socket: &Path, commands: &[(&str, Vec<String>)]) -> Result<Vec<String>> {
    let doing = || format!("asking {}", socket.display());
    let mut stream = UnixStream::connect(socket).map_err(|source| LabError::io(doing(), source))?;
    stream.set_read_timeout(Some(DEADLINE)).map_err(|source| LabError::io(doing(), source))?;
    let reader = stream.try_clone().map_err(|source| LabError::io(doing(), source))?;
    let mut replies = Deserializer::from_reader(BufReader::new(reader)).into_iter::<Value>();
    let mut answers = Vec::new();
    for (id, (method, params)) in commands.iter().enumerate() {
        let request = json!({"method": method, "params": params, "id": id}).to_string();
        stream.write_all(request.as_bytes()).map_err(|source| LabError::io(doing(), source))?;
        let unreadable =
            |problem: String| LabError::Unreadable { what: format!("{} {method}", doing()), problem };
        let reply = match replies.next() {
            Some(Ok(reply)) => reply,
            Some(Err(error)) => return Err(unreadable(error.to_string())),
            None => return Err(unreadable("it hung up".into())),
        };
        if let Some(error) = reply["error"].as_str() {
            return Err(unreadable(error.to_owned()));
        }
        answers.push(reply["result"].as_str().unwrap_or_default().to_owned());
    }
    Ok(answers)
}
