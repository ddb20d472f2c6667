//! openraft's view of the state machine.

use std::io;

use futures::{Stream, StreamExt as _};
use openraft::{
    AsyncRuntime, OptionalSend, RaftSnapshotBuilder,
    storage::{EntryResponder, RaftStateMachine},
};

use super::{SnapshotBuilder, SnapshotData, Snapshots, StateMachine};
use crate::types::{
    Address, Answer, CommittedLeaderId, LogId, Payload, Proposal, SnapshotMeta, StoredMembership, Types,
};

type Snapshot = openraft::Snapshot<CommittedLeaderId, u64, Address, SnapshotData>;

impl<R: AsyncRuntime> RaftStateMachine<Types<R>> for StateMachine {
    type SnapshotData = SnapshotData;
    type SnapshotBuilder = SnapshotBuilder;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        let current = self.lock();
        Ok((current.last, current.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Types<R>>>> + Unpin + OptionalSend,
    {
        while let Some(item) = entries.next().await {
            let (entry, responder) = item?;
            // Nothing is answered from a state whose disk has failed.
            self.shared.failure.check()?;
            let answer = match entry.payload {
                Payload::Normal(Proposal(command)) => Some(self.apply_command(entry.log_id, &command)),
                Payload::Blank => {
                    self.apply_blank(entry.log_id);
                    None
                }
                Payload::Membership(membership) => {
                    self.apply_membership(entry.log_id, membership);
                    None
                }
            };
            if let Some(responder) = responder {
                responder.send(Answer(answer));
            }
        }
        self.tell();
        Ok(())
    }

    async fn try_create_snapshot_builder(&mut self, _force: bool) -> Option<SnapshotBuilder> {
        // The view is taken here, before any later entry is applied.
        Some(SnapshotBuilder { view: self.lock().clone(), machine: self.clone() })
    }

    async fn get_snapshot_builder(&mut self) -> SnapshotBuilder {
        SnapshotBuilder { view: self.lock().clone(), machine: self.clone() }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: SnapshotData) -> io::Result<()> {
        let adopted = meta.clone();
        let adopt = move |snapshots: &Snapshots| snapshots.adopt(&adopted, &snapshot);
        let state = self.with_snapshots("install a snapshot", adopt).await?;
        self.replace(meta, state);
        self.tell();
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        let newest = self.with_snapshots("read a snapshot", Snapshots::newest).await?;
        Ok(newest.map(|(meta, snapshot)| Snapshot { meta, snapshot }))
    }
}

impl<R: AsyncRuntime> RaftSnapshotBuilder<Types<R>> for SnapshotBuilder {
    type SnapshotData = SnapshotData;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        let meta =
            SnapshotMeta { last_log_id: self.view.last, last_membership: self.view.membership.clone() };
        let (saved, state) = (meta.clone(), self.view.state.clone());
        let save = move |snapshots: &Snapshots| snapshots.save(&saved, &state);
        let snapshot = self.machine.with_snapshots("save a snapshot", save).await?;
        Ok(Snapshot { meta, snapshot })
    }
}
