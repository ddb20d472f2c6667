//! Watches openraft: tells who leads, and turns its end into a failure, or a failed disk into its end.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use asterism_model::chain;
use openraft::async_runtime::watch::WatchReceiver as _;
use tokio::{sync::watch, task::JoinHandle};

use super::{Leadership, Peer, Raft, Role, metrics, status::role};
use crate::{failure::Failure, types::TokioTypes};

type Metrics = openraft::RaftMetrics<TokioTypes>;

/// Starts the watching task.
pub fn spawn(
    raft: &Raft,
    failure: Failure,
    closing: Arc<AtomicBool>,
) -> (watch::Receiver<Leadership>, JoinHandle<()>) {
    let (sender, receiver) = watch::channel(leadership(&metrics(raft)));
    (receiver, tokio::spawn(run(raft.clone(), failure, closing, sender)))
}

async fn run(raft: Raft, failure: Failure, closing: Arc<AtomicBool>, sender: watch::Sender<Leadership>) {
    let mut changes = raft.metrics();
    loop {
        let now = metrics(&raft);
        publish(&sender, &now);
        if let Err(fatal) = &now.running_state {
            if !closing.load(Ordering::SeqCst) {
                failure.fail(format!("openraft stopped: {}", chain(fatal)), std::io::ErrorKind::Other);
            }
            return;
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            // openraft doesn't see every use of the disk; it must not go on without one.
            _ = failure.failed() => {
                if let Err(error) = raft.shutdown().await {
                    tracing::warn!(%error, "openraft didn't stop in order");
                }
                sender.send_modify(|leadership| *leadership = Leadership { term: leadership.term, ..Leadership::default() });
                return;
            }
        }
    }
}

fn publish(sender: &watch::Sender<Leadership>, metrics: &Metrics) {
    let new = leadership(metrics);
    sender.send_if_modified(|known| {
        let changed = *known != new;
        if changed && known.leader != new.leader {
            let leader = new.leader.as_ref().map(ToString::to_string);
            tracing::info!(leader, term = new.term, is_leader = new.is_leader, "leader changed");
        }
        *known = new.clone();
        changed
    });
}

/// A replica that stopped still names its last leader; we don't.
fn leadership(metrics: &Metrics) -> Leadership {
    let role = role(metrics);
    let leader = match role {
        Role::Stopped => None,
        Role::Leader | Role::Follower | Role::Candidate | Role::Learner => leader(metrics),
    };
    Leadership { leader, is_leader: role == Role::Leader, term: metrics.current_term }
}

/// The leader and its address, if it is a member that this node knows.
pub fn leader(metrics: &Metrics) -> Option<Peer> {
    let node = metrics.current_leader?;
    let address = metrics.membership_config.get_node(&node)?;
    Some(Peer { node: asterism_model::NodeId(node), address: address.0.clone() })
}
