//! Requests about the replicas themselves, which take longer than others: voters have to agree, or be waited for.

use std::{sync::Arc, time::Duration};

use tonic::{Request, Response, Status, transport::Channel};

use super::call::{Nature, Unary};
use crate::v1::{self, AdminClient};

/// For what waits for other replicas.
const REPLICAS: Duration = Duration::from_secs(20);

/// How much of a file goes in one message.
const PIECE: usize = 256 << 10;

impl Unary for v1::ChangeMembersRequest {
    type Answer = v1::ChangeMembersResponse;

    fn nature(&self) -> Nature {
        Nature::Idempotent
    }

    fn work(&self) -> Duration {
        REPLICAS
    }

    async fn send(
        mut admin: AdminClient<Channel>,
        request: Request<Self>,
    ) -> Result<Response<Self::Answer>, Status> {
        admin.change_members(request).await
    }
}

impl Unary for v1::TransferLeadershipRequest {
    type Answer = v1::TransferLeadershipResponse;

    /// Whoever leads, nothing is changed by it.
    fn nature(&self) -> Nature {
        Nature::Harmless
    }

    fn work(&self) -> Duration {
        REPLICAS
    }

    async fn send(
        mut admin: AdminClient<Channel>,
        request: Request<Self>,
    ) -> Result<Response<Self::Answer>, Status> {
        admin.transfer_leadership(request).await
    }
}

/// A snapshot file that is to be put in place.
#[derive(Clone, Debug)]
pub struct RestoreSnapshot(pub Arc<[u8]>);

impl RestoreSnapshot {
    /// As messages.
    pub fn pieces(&self) -> Vec<v1::SnapshotPiece> {
        self.0.chunks(PIECE).map(|content| v1::SnapshotPiece { content: content.to_vec() }).collect()
    }
}

impl Unary for RestoreSnapshot {
    type Answer = v1::Receipt;

    /// A second time begins one more timeline, with the same in it.
    fn nature(&self) -> Nature {
        Nature::Idempotent
    }

    fn work(&self) -> Duration {
        REPLICAS
    }

    async fn send(
        mut admin: AdminClient<Channel>,
        request: Request<Self>,
    ) -> Result<Response<Self::Answer>, Status> {
        let request = request.map(|file| tokio_stream::iter(file.pieces()));
        admin.restore_snapshot(request).await
    }
}
