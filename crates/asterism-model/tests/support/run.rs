//! Runs scripts against a state, and holds every step to what `apply` promises.

use asterism_model::{Command, NetworkState, Operation, Reply, Timestamp, encode_state};

use super::{render, script};

/// A state that keeps its promises while commands are applied to it.
#[derive(Default)]
pub struct World {
    pub state: NetworkState,
}

impl World {
    /// The state after a script, none of whose commands may be refused.
    pub fn of(text: &str) -> Self {
        let mut world = Self::default();
        for line in lines(text) {
            let reply = world.apply(&script::parse(line, &world.state));
            assert!(matches!(reply, Reply::Applied { .. }), "{line}: {}", render::reply(&reply));
        }
        world
    }

    /// Applies a command; panics if the state is not valid after it, or if a refusal changed it.
    pub fn apply(&mut self, command: &Command) -> Reply {
        let before = encode_state(&self.state);
        let revision = self.state.revision();
        let reply = self.state.apply(command);
        assert_eq!(self.state.violations(), Vec::<String>::new(), "after {command:?}");
        match &reply {
            Reply::Refused(refusal) => {
                assert_eq!(
                    essence(&self.state),
                    essence_of(&before),
                    "changed by a refusal of {command:?}: {refusal}"
                );
            }
            Reply::Applied { revision: named, .. } => {
                assert!(*named >= revision || command.request.is_some(), "the revision of {command:?} fell");
                assert!(self.state.revision() >= revision, "the revision fell at {command:?}");
            }
        }
        reply
    }

    /// Applies an operation outside any session, at the state's own time.
    pub fn execute(&mut self, operation: Operation) -> Reply {
        let at: Timestamp = self.state.clock();
        self.apply(&Command { caller: None, request: None, at, operation })
    }
}

/// Each line of a script with the reply to it; `show WHAT` prints a part of the state.
pub fn transcript(text: &str) -> String {
    transcript_of(World::default(), text)
}

/// The same in a world that is there. `show story` prints the events since then.
pub fn transcript_of(mut world: World, text: &str) -> String {
    let earlier = world.state.events().back().map_or(0, |event| event.sequence);
    let mut out = String::new();
    for line in lines(text) {
        out.push_str(&format!("> {line}\n"));
        match line.strip_prefix("show ") {
            Some("story") => out.push_str(&render::story(&world.state, earlier)),
            Some(what) => out.push_str(&render::part(&world.state, what)),
            None => {
                let reply = world.apply(&script::parse(line, &world.state));
                out.push_str(&format!("{}\n", render::reply(&reply)));
            }
        }
    }
    out
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// All of a state that a refusal must leave alone: everything but time, the sessions, which age, and the audit trail.
pub fn essence(state: &NetworkState) -> serde_json::Value {
    essence_of(&encode_state(state))
}

fn essence_of(bytes: &[u8]) -> serde_json::Value {
    let mut stored: serde_json::Value = serde_json::from_slice(bytes).unwrap();
    let fields = stored["value"].as_object_mut().unwrap();
    assert!(fields.remove("clock").is_some() && fields.remove("sessions").is_some());
    fields.remove("audit");
    fields.remove("last_audit");
    stored
}
