//! Whether the log takes entries, and what this replica says of its machine.

use asterism_api::{ApiError, FieldError, v1};
use asterism_model::{NodeId, Operation, Reply, SettingsChange};
use asterism_raft::Peer;
use tokio::time::Instant;
use tonic::Request;

use super::{AdminService, DEADLINE, forward, proposal_failure};
use crate::vitals::Process;

impl AdminService {
    /// Commits an entry that changes nothing: settings are set to what they are. This replica leads, or did a moment ago.
    pub(super) async fn probe_log(&self) -> Result<v1::ProbeAnswer, ApiError> {
        let start = Instant::now();
        let nothing = Operation::ChangeSettings(SettingsChange::default());
        let proposed = self.replica.propose(nothing, None, self.clock.wall(), DEADLINE).await;
        let proposed = proposed.map_err(proposal_failure)?;
        let took_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        match proposed.reply {
            Reply::Applied { .. } => {
                Ok(v1::ProbeAnswer { node: self.node.0, index: proposed.index, took_us })
            }
            Reply::Refused(refusal) => Err(refusal.into()),
        }
    }

    /// The replica that is to be asked instead of this one.
    pub(super) fn whose_metrics(
        &self,
        request: &Request<v1::GetMetricsRequest>,
    ) -> Result<Option<Peer>, ApiError> {
        let node = NodeId(request.get_ref().node);
        if node == NodeId(0) || node == self.node {
            return Ok(None);
        }
        let members = self.replica.status().members;
        match members.into_iter().find(|member| member.peer.node == node) {
            Some(member) if !forward::was_passed_on(request) => Ok(Some(member.peer)),
            Some(_) | None => {
                let problem = format_args!("{} is no replica of this cluster", node.0);
                Err(FieldError::new("node", problem).into())
            }
        }
    }

    pub(super) fn own_vitals(&self) -> v1::Vitals {
        let process = Process::now();
        let ends = self.vitals.certificates().into_iter();
        v1::Vitals {
            now_ms: self.clock.wall().0,
            disk: self.vitals.disk().map(|disk| v1::Disk {
                size_bytes: disk.size,
                free_bytes: disk.free,
                free_min_bytes: disk.min,
            }),
            certificates: ends
                .map(|it| v1::CertificateEnd { key: it.key.to_owned(), ends_ms: it.ends.0 })
                .collect(),
            resident_bytes: process.resident_bytes,
            open_files: u32::try_from(process.open_files).unwrap_or(u32::MAX),
        }
    }
}
