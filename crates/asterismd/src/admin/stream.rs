//! Answers that go on: events as they happen, and how far a change got.

use std::{collections::BTreeSet, time::Duration};

use asterism_api::{ApiError, convert, v1};
use asterism_model::{HostId, Mode, NetworkState};
use asterism_planner::{LaneStatus, SessionEvidence, pools::PoolSession};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::{AdminService, Streamed, live, read, unanswered::unanswered};
use crate::leader::LeadingView;

/// Messages that may wait for a slow client; it delays itself alone.
const QUEUE: usize = 64;
/// For how long a host is waited for before it counts as unreachable, where the first attempt to reach it has not even
/// failed: a session is made within milliseconds where the host answers at all.
const CONNECTING: Duration = Duration::from_secs(5);
/// How often a wait looks by itself, since a host becomes unreachable by time alone.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

impl AdminService {
    pub(super) fn events(&self, request: v1::WatchEventsRequest) -> Streamed<v1::Event> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let service = self.clone();
        tokio::spawn(async move {
            // The client is gone, or the replica stops: both end the stream.
            let _ = service.send_events(request, &sender).await;
        });
        Box::pin(ReceiverStream::new(receiver))
    }

    async fn send_events(
        &self,
        request: v1::WatchEventsRequest,
        sender: &mpsc::Sender<Result<v1::Event, Status>>,
    ) -> Result<(), mpsc::error::SendError<Result<v1::Event, Status>>> {
        let mut applied = self.replica.watch_applied();
        let mut stopped = self.stopped.clone();
        let mut last = request.after;
        loop {
            applied.mark_unchanged();
            let state = self.replica.read_stale().state;
            for event in state.events().iter().filter(|event| event.sequence > last) {
                sender.send(Ok(convert::event(event))).await?;
            }
            last = last.max(state.events().back().map_or(0, |event| event.sequence));
            if !request.follow {
                return Ok(());
            }
            let ended = tokio::select! {
                changed = applied.changed() => changed.is_err(),
                _ = stopped.wait_for(|stopped| *stopped) => true,
                () = sender.closed() => return Ok(()),
            };
            if ended {
                sender.send(Err(ApiError::ShuttingDown.into())).await?;
                return Ok(());
            }
        }
    }

    pub(super) fn progress(&self, request: v1::AwaitRequest) -> Streamed<v1::Progress> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let service = self.clone();
        tokio::spawn(async move {
            let _ = service.send_progress(&request, &sender).await;
        });
        Box::pin(ReceiverStream::new(receiver))
    }

    async fn send_progress(
        &self,
        request: &v1::AwaitRequest,
        sender: &mpsc::Sender<Result<v1::Progress, Status>>,
    ) -> Result<(), mpsc::error::SendError<Result<v1::Progress, Status>>> {
        let mut view = self.view.clone();
        let mut stopped = self.stopped.clone();
        let mut shown = None;
        loop {
            let leading = view.borrow_and_update().clone();
            let is_leader = self.replica.watch_leadership().borrow().is_leader;
            let Some(leading) = &leading.leading else {
                // Elected a moment ago, and not at work yet; or deposed.
                if !is_leader {
                    sender.send(Err(ApiError::NotLeader { leader: None }.into())).await?;
                    return Ok(());
                }
                if !self.look_again(&mut view, &mut stopped, sender).await {
                    return Ok(());
                }
                continue;
            };
            let progress = self.measure(leading, request);
            let is_reached = progress.is_reached;
            if shown.as_ref() != Some(&progress) {
                sender.send(Ok(progress.clone())).await?;
                shown = Some(progress);
            }
            if is_reached || !self.look_again(&mut view, &mut stopped, sender).await {
                return Ok(());
            }
        }
    }

    /// Waits for news; false when there is nobody to tell.
    async fn look_again<T>(
        &self,
        view: &mut tokio::sync::watch::Receiver<std::sync::Arc<crate::leader::LeaderView>>,
        stopped: &mut tokio::sync::watch::Receiver<bool>,
        sender: &mpsc::Sender<Result<T, Status>>,
    ) -> bool {
        let is_stopping = tokio::select! {
            changed = view.changed() => changed.is_err(),
            () = tokio::time::sleep(LOOK_AGAIN) => false,
            _ = stopped.wait_for(|stopped| *stopped) => true,
            () = sender.closed() => return false,
        };
        if is_stopping {
            // A client that is gone needs no word.
            let _ = sender.send(Err(ApiError::ShuttingDown.into())).await;
        }
        !is_stopping
    }

    pub(super) fn measure(&self, leading: &LeadingView, request: &v1::AwaitRequest) -> v1::Progress {
        let state = self.replica.read_stale().state;
        let wanted = match request.stage() {
            v1::Stage::Unspecified | v1::Stage::Committed => v1::Stage::Committed,
            v1::Stage::Programmed => v1::Stage::Programmed,
            v1::Stage::Verified => v1::Stage::Verified,
        };
        let is_current = leading.revision >= request.revision;
        let down = tunnels_not_up(&state, leading);
        let mut hosts: Vec<v1::HostProgress> = leading
            .lanes
            .iter()
            .map(|lane| self.host_progress((&state, leading), lane, is_current, &down))
            .collect();
        hosts.sort_by(|a, b| a.host.cmp(&b.host));
        let total = hosts.len();
        let is_waited_for = |host: &v1::HostProgress| request.include_unreachable || !host.is_unreachable;
        let furthest = hosts.iter().filter(|host| is_waited_for(host)).map(|host| host.stage).min();
        // Where every host is unreachable, or there is none, nothing is left to wait for.
        let furthest = furthest.unwrap_or(v1::Stage::Verified.into());
        let at_rest = is_current && (leading.is_at_rest || wanted == v1::Stage::Committed);
        let silent = unanswered(&state, request.revision, |host| answers(leading, host));
        let furthest = if silent.is_empty() { furthest } else { furthest.min(v1::Stage::Programmed.into()) };
        let stage = if at_rest { furthest } else { v1::Stage::Committed.into() };
        hosts.retain(|host| host.stage < wanted.into());
        let waiting = live::count(hosts.len());
        v1::Progress {
            revision: leading.revision,
            stage,
            is_reached: at_rest && stage >= wanted.into(),
            waiting_for: hosts,
            hosts: live::count(total),
            hosts_reached: live::count(total).saturating_sub(waiting),
            planner: if state.settings().mode == Mode::ReadOnly && waiting > 0 {
                live::READ_ONLY.into()
            } else if wanted == v1::Stage::Verified && !silent.is_empty() {
                format!("no host of {} answers, so nobody has verified it", silent.join(", "))
            } else if at_rest {
                String::new()
            } else {
                "choices and hosts are being brought in line".into()
            },
        }
    }

    fn host_progress(
        &self,
        (state, leading): (&NetworkState, &LeadingView),
        lane: &LaneStatus,
        is_current: bool,
        down: &BTreeSet<HostId>,
    ) -> v1::HostProgress {
        let is_unreachable = match lane.evidence.session {
            SessionEvidence::Up { .. } => false,
            SessionEvidence::Awaited { .. } if is_served_by_pool(state, leading, lane.host) => false,
            SessionEvidence::Awaited { since, .. } | SessionEvidence::Down { since, .. } => {
                lane.last_error.is_some() || self.clock.tick().since(since) >= CONNECTING
            }
        };
        let is_connected = matches!(lane.evidence.session, SessionEvidence::Up { .. });
        let awaits_pool = lane.awaits_pool && is_served_by_pool(state, leading, lane.host);
        let stage = match lane.settled_at.filter(|_| !awaits_pool) {
            Some(_) if is_current && is_connected && down.contains(&lane.host) => v1::Stage::Programmed,
            Some(_) if is_current && is_connected => v1::Stage::Verified,
            Some(_) | None => v1::Stage::Committed,
        };
        let mut detail = live::waiting_for(state, lane);
        if detail.is_empty() && stage == v1::Stage::Programmed {
            detail = "BFD is not up on all of its tunnels".into();
        }
        v1::HostProgress { host: state.host_label(lane.host), stage: stage.into(), is_unreachable, detail }
    }
}

/// Whether a host's pool is about to do what the host lacks: open its OVSDB with the pool's first network, or plug a network.
fn is_served_by_pool(state: &NetworkState, leading: &LeadingView, host: HostId) -> bool {
    let Some(host) = state.hosts().get(&host) else { return false };
    let is_in_service = host.xapi.as_ref().is_some_and(|xapi| xapi.is_in_service() && xapi.is_live);
    let carries_networks = state.networks().values().any(|network| network.spans(host));
    let is_pool_well = leading.pools.get(&host.pool).is_some_and(|pool| {
        matches!(pool.session, PoolSession::Up { .. })
            && pool.obstacles.is_empty()
            && pool.troubles.is_empty()
    });
    is_in_service && carries_networks && is_pool_well
}

fn answers(leading: &LeadingView, host: HostId) -> bool {
    leading.lane(host).is_some_and(|lane| lane.evidence.answers())
}

/// Hosts with a tunnel that is not up at their end, tunnels to hosts that don't answer left out.
fn tunnels_not_up(state: &NetworkState, leading: &LeadingView) -> BTreeSet<HostId> {
    let mut hosts = BTreeSet::new();
    for network in state.networks().values() {
        let both_answer = |from: HostId, to: HostId| answers(leading, from) && answers(leading, to);
        for (from, to, _) in read::ends(state, network).filter(|(from, to, _)| both_answer(*from, *to)) {
            for (host, peer) in [(from, to), (to, from)] {
                if !live::end(leading, network.id, host, peer).is_some_and(|end| live::is_up(end.state())) {
                    hosts.insert(host);
                }
            }
        }
    }
    hosts
}
