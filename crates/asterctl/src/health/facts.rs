//! What a cluster says of itself, asked in one go.

use anyhow::Result;
use asterism_api::{Client, Failure, v1};

use crate::view::cluster::ClusterView;

/// The answers that everything is judged by.
#[derive(Debug)]
pub struct Facts {
    pub cluster: v1::ClusterStatus,
    pub pools: Vec<v1::Pool>,
    pub hosts: Vec<v1::Host>,
    pub networks: Vec<v1::Network>,
    pub topologies: Vec<v1::Topology>,
    /// What only the leader sees, or why it can't be had; pools, hosts and networks are those of an old state then.
    pub seen: Result<Seen, String>,
}

#[derive(Debug)]
pub struct Seen {
    pub verification: v1::Verification,
}

impl Facts {
    /// Asks any replica how all are, then the leader for the rest. Without a majority nobody waits for a leader.
    ///
    /// # Errors
    /// No replica answers.
    pub async fn gather(client: &mut Client) -> Result<Self> {
        let cluster = client.call(v1::GetClusterStatusRequest { local: false }).await?;
        let mut facts = Self {
            pools: Vec::new(),
            hosts: Vec::new(),
            networks: Vec::new(),
            topologies: Vec::new(),
            seen: Err("the cluster is not initialised".into()),
            cluster,
        };
        let has_quorum = ClusterView::from(facts.cluster.clone()).has_quorum;
        match has_quorum {
            None => return Ok(facts),
            Some(false) => facts.seen = Err("no majority of the voters answers".into()),
            Some(true) => {
                let asked = facts.ask(client, v1::Consistency::Linearizable).await;
                let seen = match asked {
                    Ok(()) => client.call(v1::VerifyRequest::default()).await,
                    Err(failure) => Err(failure),
                };
                facts.seen =
                    seen.map(|verification| Seen { verification }).map_err(|failure| failure.message);
            }
        }
        if facts.seen.is_err() {
            facts.ask(client, v1::Consistency::Stale).await?;
        }
        Ok(facts)
    }

    async fn ask(&mut self, client: &mut Client, consistency: v1::Consistency) -> Result<(), Failure> {
        let consistency = consistency.into();
        self.pools = client.call(v1::ListPoolsRequest { consistency, pool: None }).await?.pools;
        let hosts = v1::ListHostsRequest { consistency, pool: None, host: None };
        self.hosts = client.call(hosts).await?.hosts;
        let networks = v1::ListNetworksRequest { consistency, network: None };
        self.networks = client.call(networks).await?.networks;
        let topologies = v1::GetTopologyRequest { consistency, network: None };
        self.topologies = client.call(topologies).await?.topologies;
        Ok(())
    }
}
