//! The first boot of a cluster, and how its replicas are.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use asterism_api::{ApiError, FieldError, convert, v1};
use asterism_model::{Caller, ClusterId, Name, NodeId, Operation, stored};
use asterism_raft::{InitError, MemberStatus, Peer, Role};
use futures::future::join_all;
use tokio::time::Instant;
use tonic::Request;

use super::{AdminService, DEADLINE, forward, proposal_failure};

/// How long the first boot may take: all members are asked, and one is elected.
const INIT_DEADLINE: Duration = Duration::from_secs(15);
/// How long another replica may take to tell how it is.
const ASK_DEADLINE: Duration = Duration::from_secs(2);

/// How many voters there are, and how many of them take part.
pub(super) struct Voters {
    pub all: usize,
    pub left: usize,
}

impl AdminService {
    /// The voters without those that are out of the leader's hearing for longer than an election takes, and those named.
    pub(super) fn voters_without(&self, gone: &BTreeSet<NodeId>) -> Voters {
        let members = self.replica.status().members;
        let voters = members.iter().filter(|member| member.voter);
        let takes_part = |member: &&MemberStatus| {
            let node = member.peer.node;
            let is_silent = member.last_heard.is_some_and(|heard| heard > self.failover);
            !gone.contains(&node) && (node == self.node || !is_silent)
        };
        Voters { all: voters.clone().count(), left: voters.filter(takes_part).count() }
    }

    pub(super) async fn init(
        &self,
        caller: &Caller,
        request: v1::InitClusterRequest,
    ) -> Result<v1::InitClusterResponse, ApiError> {
        let id: ClusterId = field("cluster_id", request.cluster_id.parse())?;
        let name: Name = match request.name.as_str() {
            "" => self.cluster.clone(),
            name => field("name", name.parse())?,
        };
        if name != self.cluster {
            let problem = format_args!(
                "`{name}` is not the `cluster` in this replica's configuration, `{}`",
                self.cluster
            );
            return Err(FieldError::new("name", problem).into());
        }
        let members: BTreeMap<NodeId, String> =
            request.members.into_iter().map(|(node, address)| (NodeId(node), address)).collect();
        match self.replica.initialise(members, INIT_DEADLINE).await {
            // A retry, or a boot that was cut short: the log tells whether this cluster was named yet.
            Ok(()) | Err(InitError::AlreadyInitialised { .. }) => {}
            Err(error @ InitError::Members { .. }) => return Err(FieldError::new("members", error).into()),
            Err(error @ (InitError::Member { .. } | InitError::Deadline { .. })) => {
                return Err(ApiError::NoQuorum(error.to_string()));
            }
            Err(error @ InitError::Stopped(_)) => return Err(ApiError::Internal(error.to_string())),
        }
        self.name_cluster(caller, id, &name).await?;
        Ok(v1::InitClusterResponse { cluster_id: id.to_string(), name: name.to_string() })
    }

    /// Gives the cluster its identity, wherever the first leader is.
    async fn name_cluster(&self, caller: &Caller, id: ClusterId, name: &Name) -> Result<(), ApiError> {
        let leadership = self.replica.watch_leadership().borrow().clone();
        let here = self.replica.status();
        if leadership.is_leader || leadership.leader.is_none() {
            let operation = Operation::InitCluster { cluster: id, name: name.clone() };
            let proposed =
                self.replica.propose_for(caller.clone(), operation, None, self.clock.wall(), DEADLINE).await;
            let reply = proposed.map_err(proposal_failure)?.reply;
            return match reply {
                asterism_model::Reply::Applied { .. } => Ok(()),
                asterism_model::Reply::Refused(refusal) => Err(refusal.into()),
            };
        }
        let Some(leader) = leadership.leader else {
            return Err(ApiError::NotLeader { leader: None });
        };
        let members = here.members.iter().map(|member| (member.peer.node.0, member.peer.address.clone()));
        let request = v1::InitClusterRequest {
            cluster_id: id.to_string(),
            name: name.to_string(),
            members: members.collect(),
        };
        let mut leader = self.forwarder.admin(&leader)?;
        let mut request = Request::new(request);
        request.extensions_mut().insert(caller.clone());
        match leader.init_cluster(forward::passed_on(request)).await {
            Ok(_) => Ok(()),
            Err(status) => Err(ApiError::NoQuorum(format!("the first leader: {}", status.message()))),
        }
    }

    pub(super) async fn cluster_status(&self, local: bool) -> v1::ClusterStatus {
        let status = self.replica.status();
        let mut members = status.members.clone();
        if members.is_empty() {
            members.push(MemberStatus {
                peer: Peer { node: self.node, address: String::new() },
                voter: false,
                matched: None,
                lag: None,
                last_heard: None,
            });
        }
        let asked = members.iter().filter(|member| !local || member.peer.node == self.node);
        let replicas = join_all(asked.map(|member| self.replica_status(member))).await;
        let state = self.replica.read_stale().state;
        v1::ClusterStatus {
            cluster_id: state.cluster().map(|cluster| cluster.id.to_string()),
            name: state.cluster().map(|cluster| cluster.name.to_string()),
            node: self.node.0,
            leader: status.leader.map(|leader| leader.node.0),
            replicas,
            settings: state.cluster().map(|_| convert::settings(state.settings())),
            invited: if local { Vec::new() } else { self.invited(&status.members).await },
            waiting_for: if status.members.is_empty() { self.waits_for() } else { String::new() },
        }
    }

    async fn replica_status(&self, member: &MemberStatus) -> v1::Replica {
        let asked = Instant::now();
        let is_own = member.peer.node == self.node;
        let status = if is_own {
            v1::replica::Status::Reachable(self.own_status())
        } else {
            match self.ask(&member.peer).await {
                Ok(mut status) => {
                    status.lag = member.lag;
                    v1::replica::Status::Reachable(status)
                }
                Err(why) => v1::replica::Status::Unreachable(why),
            }
        };
        let (clock_ahead_ms, round_trip_ms) = match &status {
            v1::replica::Status::Reachable(_) if is_own => (Some(0), Some(0)),
            v1::replica::Status::Reachable(status) => self.clock_of(status, asked.elapsed()),
            v1::replica::Status::Unreachable(_) => (None, None),
        };
        v1::Replica {
            clock_ahead_ms,
            round_trip_ms,
            node: member.peer.node.0,
            address: member.peer.address.clone(),
            is_voter: member.voter,
            status: Some(status),
            is_drained: self.replica.read_stale().state.membership().drained().contains(&member.peer.node),
        }
    }

    /// How far another replica's clock is ahead, if it read it in the middle of the round trip.
    fn clock_of(&self, status: &v1::ReplicaStatus, trip: Duration) -> (Option<i64>, Option<u32>) {
        let trip_ms = u32::try_from(trip.as_millis()).unwrap_or(u32::MAX);
        let ahead = status.vitals.as_ref().and_then(|vitals| {
            let then = self.clock.wall().0.saturating_sub(u64::from(trip_ms / 2));
            Some(i64::try_from(vitals.now_ms).ok()? - i64::try_from(then).ok()?)
        });
        (ahead, Some(trip_ms))
    }

    pub(crate) async fn ask(&self, peer: &Peer) -> Result<v1::ReplicaStatus, String> {
        let mut admin = self.forwarder.admin(peer).map_err(|error| error.to_string())?;
        let mut request = Request::new(v1::GetClusterStatusRequest { local: true });
        request.set_timeout(ASK_DEADLINE);
        let asking = admin.get_cluster_status(request);
        let answer = match tokio::time::timeout(ASK_DEADLINE, asking).await {
            Ok(Ok(answer)) => answer.into_inner(),
            Ok(Err(status)) => return Err(status.message().to_owned()),
            Err(_) => return Err(format!("no answer within {ASK_DEADLINE:?}")),
        };
        answer
            .replicas
            .into_iter()
            .filter(|replica| replica.node == peer.node.0)
            .find_map(|replica| match replica.status {
                Some(v1::replica::Status::Reachable(status)) => Some(status),
                Some(v1::replica::Status::Unreachable(_)) | None => None,
            })
            .ok_or_else(|| "it answers as another node; check the addresses".to_owned())
    }

    pub(crate) fn own_status(&self) -> v1::ReplicaStatus {
        let status = self.replica.status();
        let view = self.replica.read_stale();
        let now = i64::try_from(self.clock.wall().0 / 1000).unwrap_or(i64::MAX);
        let standing = self.credentials.borrow().clone();
        let certificate_ends = u64::try_from(standing.credentials.ends()).unwrap_or(0);
        v1::ReplicaStatus {
            role: match status.role {
                Role::Leader => v1::Role::Leader,
                Role::Follower => v1::Role::Follower,
                Role::Candidate => v1::Role::Candidate,
                Role::Learner => v1::Role::Learner,
                Role::Stopped => v1::Role::Stopped,
            }
            .into(),
            term: status.term,
            leader: status.leader.map(|leader| leader.node.0),
            last_log_index: status.last_log.unwrap_or(0),
            applied_index: view.index,
            snapshot_index: status.snapshot.unwrap_or(0),
            lag: None,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            revision: view.state.revision(),
            digest: stored::digest(&view.state),
            epoch: view.state.epoch(),
            started_at_ms: self.clock.started_at().0,
            certificate_ends_ms: certificate_ends.saturating_mul(1000),
            certificate_days_left: (standing.credentials.ends() - now).div_euclid(asterism_pki::DAY),
            certificate_alarms: standing.alarms(now),
            vitals: Some(self.own_vitals()),
            digests: self
                .digests
                .known()
                .into_iter()
                .map(|(index, digest)| v1::StateDigest { index, digest })
                .collect(),
        }
    }
}

fn field<T, E: std::fmt::Display>(name: &str, parsed: Result<T, E>) -> Result<T, ApiError> {
    parsed.map_err(|error| FieldError::new(name, error).into())
}
