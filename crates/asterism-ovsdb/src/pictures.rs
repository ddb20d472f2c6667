//! Numbers the pictures of a host and shows the latest.

use std::sync::Arc;

use asterism_model::{ObservedHost, chain};
use tokio::sync::watch;

use crate::host_session::{SessionError, SessionState, WaitingFor};

/// The one writer of a session's state. Numbers go up over all sessions with the host.
#[derive(Debug)]
pub(crate) struct Pictures {
    state: watch::Sender<SessionState>,
    next: u64,
}

impl Pictures {
    pub(crate) fn new(state: watch::Sender<SessionState>) -> Self {
        Self { state, next: 1 }
    }

    pub(crate) fn connecting(&self, attempt: u32, last_error: Option<Arc<SessionError>>) {
        self.state.send_replace(SessionState::Connecting { attempt, last_error });
    }

    pub(crate) fn waiting(&self, what: WaitingFor) {
        self.state.send_replace(SessionState::Waiting(what));
    }

    /// Shows a picture under the next number, unless it is the one on show.
    pub(crate) fn show(&mut self, mut picture: ObservedHost) {
        if let Some(shown) = self.state.borrow().picture() {
            picture.picture = shown.picture;
            if picture == **shown {
                return;
            }
        }
        picture.picture = self.next;
        self.next += 1;
        self.state.send_replace(SessionState::Connected { picture: Arc::new(picture) });
    }

    /// The number of the picture on show, or else of the next one.
    pub(crate) fn current(&self) -> u64 {
        self.state.borrow().picture().map_or(self.next, |picture| picture.picture)
    }

    /// The number that the next picture will have.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Why nothing can be asked of the host, in words.
    pub(crate) fn why_none(&self) -> String {
        match &*self.state.borrow() {
            SessionState::Connecting { attempt, last_error: None } => {
                format!("not connected (attempt {attempt})")
            }
            SessionState::Connecting { attempt, last_error: Some(error) } => {
                format!("not connected (attempt {attempt}): {}", chain(error))
            }
            SessionState::Waiting(WaitingFor::RootRow) => {
                "its database has no row in table Open_vSwitch: ovs-vsctl init was not run".to_owned()
            }
            SessionState::Waiting(WaitingFor::LateAnswer) => {
                "it has not answered an earlier transaction, which may yet happen".to_owned()
            }
            SessionState::Connected { .. } => "busy".to_owned(),
        }
    }
}
