//! The network between replicas: every message takes its own time, may be lost, and may come twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use asterism_raft::parts::{Address, CommittedLeaderId, SnapshotData, Vote};
use openraft::{
    AsyncRuntime as _, OptionalSend, RPCTypes, RaftNetworkFactory, RaftNetworkV2,
    errors::{RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable},
    network::RPCOption,
    raft::{
        AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
        TransferLeaderResponse, VoteRequest, VoteResponse,
    },
};
use openraft_rt_sim::SimRuntime;
use tokio::sync::oneshot;

use super::{Raft, Types};
use crate::sim::Dice;

/// As production has it: a peer syncs its disk before it answers.
const APPEND_DEADLINE: Duration = Duration::from_secs(1);
/// A lost snapshot is noticed after this long; production waits longer, for snapshots that are larger.
const SNAPSHOT_DEADLINE: Duration = Duration::from_secs(3);

/// Which life of a machine: what an earlier one sent is not answered to a later one.
pub(super) type Life = u32;

/// The wires between all machines.
#[derive(Clone)]
pub(super) struct Wires(Arc<Mutex<State>>);

struct State {
    dice: Dice,
    running: BTreeMap<u64, (Life, Raft)>,
    /// From one to the other, not back.
    cut: BTreeSet<(u64, u64)>,
    weather: Weather,
}

/// What befalls messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weather {
    pub lost_percent: u64,
    pub twice_percent: u64,
    /// The longest way in milliseconds.
    pub slow_ms: u64,
}

impl Weather {
    pub const FAIR: Self = Self { lost_percent: 0, twice_percent: 0, slow_ms: 4 };
}

impl Wires {
    pub fn new(dice: Dice) -> Self {
        let state = State { dice, running: BTreeMap::new(), cut: BTreeSet::new(), weather: Weather::FAIR };
        Self(Arc::new(Mutex::new(state)))
    }

    pub fn plug(&self, node: u64, life: Life, raft: Raft) {
        self.state().running.insert(node, (life, raft));
    }

    pub fn unplug(&self, node: u64) {
        self.state().running.remove(&node);
    }

    pub fn set_weather(&self, weather: Weather) {
        self.state().weather = weather;
    }

    /// These ways are cut, and no others.
    pub fn cut(&self, ways: impl IntoIterator<Item = (u64, u64)>) {
        self.state().cut = ways.into_iter().collect();
    }

    /// Whoever runs as `node` now.
    pub fn raft(&self, node: u64) -> Option<Raft> {
        self.state().running.get(&node).map(|(_, raft)| raft.clone())
    }

    fn is_alive(&self, node: u64, life: Life) -> bool {
        self.state().running.get(&node).is_some_and(|(now, _)| *now == life)
    }

    /// How long a message takes, or `None` if it is lost.
    fn way(&self, from: u64, to: u64) -> Option<Duration> {
        let mut state = self.state();
        let weather = state.weather;
        let is_lost = state.dice.chance(weather.lost_percent);
        let is_slow = state.dice.chance(20);
        let span = state.dice.micros(100, if is_slow { weather.slow_ms * 1000 } else { 1_000 });
        (!is_lost && !state.cut.contains(&(from, to))).then_some(span)
    }

    /// After what time the same message comes once more, if it does.
    fn copy(&self) -> Option<Duration> {
        let mut state = self.state();
        let percent = state.weather.twice_percent;
        state.dice.chance(percent).then(|| state.dice.millis(1, 3_000))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes clients for one life of a machine.
pub(super) struct Network {
    pub wires: Wires,
    pub node: u64,
    pub life: Life,
}

impl RaftNetworkFactory<Types> for Network {
    type Network = Client;

    async fn new_client(&mut self, target: u64, _: &Address) -> Client {
        Client { wires: self.wires.clone(), from: self.node, life: self.life, to: target }
    }
}

/// Talks to one peer for openraft.
#[derive(Clone)]
pub(super) struct Client {
    wires: Wires,
    from: u64,
    life: Life,
    to: u64,
}

impl Client {
    /// Sends a message, and its answer back. What is under way arrives whether or not the asker still waits.
    async fn ask<A, F>(
        &self,
        action: RPCTypes,
        deadline: Duration,
        serve: impl Fn(Raft) -> F + Send + 'static,
    ) -> Result<A, RPCError<Types>>
    where
        A: Send + 'static,
        F: Future<Output = Option<A>> + Send + 'static,
    {
        let (sender, answer) = oneshot::channel();
        let Self { wires, from, life, to } = self.clone();
        let (way, copy) = (wires.way(from, to), wires.copy());
        let _detached = SimRuntime::spawn(async move {
            let Some(span) = way else { return };
            SimRuntime::sleep(span).await;
            let Some(raft) = wires.raft(to) else {
                // The system that is left answers that nobody listens.
                let _ = sender.send(None);
                return;
            };
            let served = serve(raft).await;
            if let (Some(back), true) = (wires.way(to, from), wires.is_alive(from, life)) {
                SimRuntime::sleep(back).await;
                let _ = sender.send(served);
            }
            if let Some(later) = copy {
                SimRuntime::sleep(later).await;
                if let Some(raft) = wires.raft(to) {
                    serve(raft).await;
                }
            }
        });
        match SimRuntime::timeout(deadline, answer).await {
            Ok(Ok(Some(answer))) => Ok(answer),
            Ok(Ok(None)) => {
                let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
                Err(RPCError::Unreachable(Unreachable::new(&refused)))
            }
            // Lost on the way: whoever asked waits in vain.
            Ok(Err(_)) => {
                SimRuntime::sleep(deadline).await;
                Err(self.timed_out(action, deadline))
            }
            Err(_) => Err(self.timed_out(action, deadline)),
        }
    }

    fn timed_out(&self, action: RPCTypes, timeout: Duration) -> RPCError<Types> {
        RPCError::Timeout(Timeout { action, id: self.from, target: self.to, timeout })
    }
}

impl RaftNetworkV2<Types> for Client {
    type SnapshotData = SnapshotData;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        let deadline = if rpc.entries.is_empty() { option.soft_ttl() } else { APPEND_DEADLINE };
        let serve = move |raft: Raft| {
            let rpc = rpc.clone();
            async move { raft.append_entries(rpc).await.ok() }
        };
        self.ask(RPCTypes::AppendEntries, deadline, serve).await
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        let serve = move |raft: Raft| {
            let rpc = rpc.clone();
            async move { raft.vote(rpc).await.ok() }
        };
        self.ask(RPCTypes::Vote, option.soft_ttl(), serve).await
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        let serve = move |raft: Raft| {
            let rpc = rpc.clone();
            async move { raft.pre_vote(rpc).await.ok() }
        };
        self.ask(RPCTypes::Vote, option.soft_ttl(), serve).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: openraft::Snapshot<CommittedLeaderId, u64, Address, SnapshotData>,
        _cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let openraft::Snapshot { meta, snapshot: data } = snapshot;
        let serve = move |raft: Raft| {
            let snapshot = openraft::Snapshot { meta: meta.clone(), snapshot: data.clone() };
            async move { raft.install_full_snapshot(vote, snapshot).await.ok() }
        };
        self.ask(RPCTypes::InstallSnapshot, SNAPSHOT_DEADLINE, serve).await.map_err(StreamingError::from)
    }

    async fn transfer_leader(
        &mut self,
        rpc: TransferLeaderRequest<Types>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Types>, RPCError<Types>> {
        let serve = move |raft: Raft| {
            let rpc = rpc.clone();
            async move { raft.handle_transfer_leader(rpc).await.ok() }
        };
        self.ask(RPCTypes::TransferLeader, option.soft_ttl(), serve).await
    }
}
