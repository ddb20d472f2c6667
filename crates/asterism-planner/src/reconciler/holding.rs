//! What one host may hold at this instant, as the ledger of [`crate::moves`] is to know it.

use asterism_model::{HostTarget, TargetBridge};

use crate::{
    moves::{Layout, Layouts},
    scope::Scope,
};

/// What was last seen, what was sent since, and whether that is all.
#[derive(Debug, Default)]
pub(super) struct Holding {
    /// The ports that the picture shows.
    shown: Layouts,
    /// Ports that were sent and are not seen to be there or refused yet.
    sent: Layouts,
    /// Whether the picture was taken behind our fence, since which nobody else can have written.
    is_fenced: bool,
    /// Something has changed since that was last asked; and the networks in which an outcome that was awaited is there.
    news: Option<Scope>,
}

impl Holding {
    /// A picture shows these.
    pub fn show(&mut self, layouts: Layouts) {
        self.shown = layouts;
        self.news.get_or_insert_with(Scope::none);
    }

    /// Whom its tunnels lead to is to be looked at again.
    pub fn renew(&mut self) {
        self.news.get_or_insert_with(Scope::none);
    }

    /// The host was emptied or restored, or is another leader's: whoever could write to it may have.
    pub fn doubt(&mut self) {
        if self.is_fenced {
            self.is_fenced = false;
            self.news.get_or_insert_with(Scope::none);
        }
    }

    /// What the picture shows is all there is: nothing is under way.
    pub fn believe(&mut self) {
        if !self.is_fenced || !self.sent.is_empty() {
            self.is_fenced = true;
            self.take_back();
        }
    }

    /// Part of a target goes out.
    pub fn send(&mut self, target: &HostTarget) {
        for bridge in target.bridges.values() {
            self.sent.insert(bridge.network, layout(bridge));
        }
    }

    /// What was sent is shown by now, or will never be there.
    pub fn take_back(&mut self) {
        let answered = Scope::Networks(std::mem::take(&mut self.sent).into_keys().collect());
        self.news.get_or_insert_with(Scope::none).extend(answered);
    }

    /// What was sent and may or may not be there.
    pub fn sent(&self) -> &Layouts {
        &self.sent
    }

    /// Some where [`Holding::layouts`] may say something else than when this was last asked, with the networks in which an
    /// outcome that was awaited is there.
    pub fn take_news(&mut self) -> Option<Scope> {
        self.news.take()
    }

    /// What is shown, and what was sent since; `None`: it may be anything.
    pub fn layouts(&self) -> Option<(&Layouts, &Layouts)> {
        self.is_fenced.then_some((&self.shown, &self.sent))
    }
}

/// Which tunnels a bridge shall have in which port.
pub(super) fn layout(bridge: &TargetBridge) -> Layout {
    bridge.ports.values().map(|port| port.tunnels.iter().map(|tunnel| tunnel.peer)).collect()
}
