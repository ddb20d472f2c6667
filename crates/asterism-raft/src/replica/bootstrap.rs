//! The first boot of a cluster.
//!
//! Every member is asked before anything is written: is it there, is it who it should be, and does it know of members
//! already? Then this node writes the members as the first entry of its log, and stands for election. If it dies
//! before the entry is on a majority, the same can be asked of any member; the same entry twice is no harm.

use std::{collections::BTreeMap, time::Duration};

use asterism_model::NodeId;
use futures::future::join_all;
use openraft::errors::{InitializeError, RaftError};
use tokio::time::{Instant, timeout_at};

use super::{Peer, Replica, metrics, rest};
use crate::{
    InitError,
    net::{self, Class, Description, Method},
    types::Address,
};

impl Replica {
    /// The first boot of a cluster: makes `members` (node and `host:port`, this one included) its voters. Asks every
    /// member first, so that a wrong address or certificate shows before anything is written. Can be repeated on any
    /// member with the same members. Returns when a leader is known; that leader's daemon then proposes
    /// [`Operation::InitCluster`](asterism_model::Operation::InitCluster).
    ///
    /// # Errors
    /// A member doesn't answer, isn't who it should be, or has other members; nothing was changed then. After
    /// [`InitError::Deadline`] the cluster may come up yet.
    pub async fn initialise(
        &self,
        members: BTreeMap<NodeId, String>,
        deadline: Duration,
    ) -> Result<(), InitError> {
        let start = Instant::now();
        self.check_running().map_err(InitError::Stopped)?;
        self.check_members(&members)?;
        let wanted = Description { members: members.iter().map(|(node, at)| (node.0, at.clone())).collect() };
        // Members that changed since show in the log, and this can't be the first boot.
        require_same(self.inner.config.node, &net::describe(&self.inner.raft), &wanted)?;
        self.ask_members(&members, &wanted, rest(start, deadline)).await?;
        self.write_members(&wanted).await?;
        self.wait_for_leader(start, deadline).await
    }

    fn check_members(&self, members: &BTreeMap<NodeId, String>) -> Result<(), InitError> {
        let own = &self.inner.config;
        let refuse = |problem: String, expected: String| Err(InitError::Members { problem, expected });
        if members.keys().any(|node| node.0 == 0) {
            return refuse("0 is not a node id".to_owned(), "1 or more".to_owned());
        }
        match members.get(&own.node) {
            None => refuse(format!("node {} is not among them", own.node), "this node, too".to_owned()),
            Some(address) if *address != own.advertise => refuse(
                format!("{address} is given for node {}", own.node),
                format!("{}, as its configuration's `advertise` has it", own.advertise),
            ),
            Some(_) => {
                let mut addresses: Vec<&String> = members.values().collect();
                addresses.sort_unstable();
                let twice = addresses.windows(2).find(|pair| pair[0] == pair[1]);
                match twice {
                    Some(pair) => refuse(format!("{} is given twice", pair[0]), "an address each".to_owned()),
                    None => Ok(()),
                }
            }
        }
    }

    async fn ask_members(
        &self,
        members: &BTreeMap<NodeId, String>,
        wanted: &Description,
        deadline: Duration,
    ) -> Result<(), InitError> {
        let others = members.iter().filter(|(node, _)| **node != self.inner.config.node);
        let questions = others.map(|(node, address)| async {
            let peer = Peer { node: *node, address: address.clone() };
            let answer = self.inner.links.call(&peer, Class::Control, Method::Describe, &(), deadline).await;
            match answer {
                Ok(found) => require_same(*node, &found, wanted),
                Err(error) => Err(InitError::Member { member: peer, problem: error.to_string() }),
            }
        });
        join_all(questions).await.into_iter().collect()
    }

    async fn write_members(&self, wanted: &Description) -> Result<(), InitError> {
        let members = wanted.members.iter().map(|(node, address)| (*node, Address(address.clone())));
        let members: BTreeMap<u64, Address> = members.collect();
        match self.inner.raft.initialize(members).await {
            // It was done before, by this node or another.
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
            Err(RaftError::APIError(InitializeError::NotInMembers(error))) => {
                Err(InitError::Members { problem: error.to_string(), expected: "this node, too".to_owned() })
            }
            Err(RaftError::Fatal(fatal)) => Err(InitError::Stopped(self.stopped(&fatal))),
        }
    }

    async fn wait_for_leader(&self, start: Instant, deadline: Duration) -> Result<(), InitError> {
        let mut leadership = self.watch_leadership();
        let elected = timeout_at(start + deadline, leadership.wait_for(|known| known.leader.is_some())).await;
        match elected {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => {
                self.check_running().map_err(InitError::Stopped)?;
                Err(InitError::Deadline { deadline })
            }
        }
    }

    /// Whether this node knows of members: after the first boot, for ever.
    pub fn is_initialised(&self) -> bool {
        metrics(&self.inner.raft).membership_config.nodes().next().is_some()
    }
}

/// A member that knows of none, or of the same, may take part.
fn require_same(node: NodeId, found: &Description, wanted: &Description) -> Result<(), InitError> {
    if found.members.is_empty() || found == wanted {
        return Ok(());
    }
    let peers = found.members.iter().map(|(node, at)| Peer { node: NodeId(*node), address: at.clone() });
    Err(InitError::AlreadyInitialised { node, members: peers.collect() })
}
