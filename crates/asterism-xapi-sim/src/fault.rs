//! Troubles that a test orders for calls: slow, broken or no answers.
//!
//! Pure: says which call is hit and how; `wire::connection` makes it so. What troubles whole hosts stands in `simulator`.

use std::time::Duration;

use crate::failure::Failure;

/// A trouble for some calls.
#[derive(Clone, Debug)]
pub struct Fault {
    method: Option<String>,
    host: Option<String>,
    times: Option<u32>,
    effect: Effect,
}

/// What befalls a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// It is carried out, and answered late.
    Slow(Duration),
    /// It is carried out never, and answered only when the fault is healed.
    Hang,
    /// It is carried out, and its answer breaks off in the middle.
    Cut,
    /// It is carried out, and the connection closes without an answer.
    LoseAnswer,
    /// It is not carried out; the connection closes without an answer.
    LoseCall,
    /// It is not carried out; HTTP answers with this status.
    Status(u16),
    /// It is not carried out; XAPI answers with this failure.
    Fail(Failure),
}

impl Fault {
    /// A fault of every call.
    pub fn new(effect: Effect) -> Fault {
        Fault { method: None, host: None, times: None, effect }
    }

    /// Only of this method.
    #[must_use]
    pub fn of_method(self, method: &str) -> Fault {
        Fault { method: Some(method.to_owned()), ..self }
    }

    /// Only of calls to the address of this host (by name).
    #[must_use]
    pub fn at_host(self, host: &str) -> Fault {
        Fault { host: Some(host.to_owned()), ..self }
    }

    /// Only so many times.
    #[must_use]
    pub fn times(self, times: u32) -> Fault {
        Fault { times: Some(times), ..self }
    }

    fn hits(&self, host: &str, method: &str) -> bool {
        self.times != Some(0)
            && self.method.as_ref().is_none_or(|name| name == method)
            && self.host.as_ref().is_none_or(|name| name == host)
    }
}

/// The first effect that hits a call, counted as used.
pub(crate) fn take(faults: &mut [Fault], host: &str, method: &str) -> Option<Effect> {
    let fault = faults.iter_mut().find(|fault| fault.hits(host, method))?;
    fault.times = fault.times.map(|times| times.saturating_sub(1));
    Some(fault.effect.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_hits_what_it_names_and_as_often_as_it_says() {
        let mut faults = [Fault::new(Effect::Hang).of_method("event.from").at_host("h1").times(1)];
        assert_eq!(take(&mut faults, "h1", "pool.get_all"), None);
        assert_eq!(take(&mut faults, "h2", "event.from"), None);
        assert_eq!(take(&mut faults, "h1", "event.from"), Some(Effect::Hang));
        assert_eq!(take(&mut faults, "h1", "event.from"), None);
    }
}
