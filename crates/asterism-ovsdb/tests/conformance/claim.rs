//! Claims: exactly the greatest fence wins.

use asterism_model::{ClusterId, Fence, RowUuid, StoredFence};
use asterism_ovsdb::{ClaimError, FenceRefusal};
use tokio::task::JoinSet;

use crate::{
    fixture::{HOST, claimed, config, fence, open, picture, shown},
    server::Server,
};

const ROOT: [&str; 2] = ["open_vswitch", "."];

#[tokio::test]
async fn a_claim_is_shown_when_it_is_answered() {
    let server = Server::start();
    let session = open(server.endpoint(), &config());
    picture(&session, |_| true).await;
    for wanted in [fence(1, 0), fence(1, 4), fence(3, 2)] {
        let done = session.claim(wanted).await.unwrap();
        assert_eq!(shown(&session).fence, StoredFence::Present(wanted));
        assert!(shown(&session).picture >= done.shown_by);
    }
}

#[tokio::test]
async fn what_is_held_is_not_written_again() {
    let server = Server::start();
    let session = claimed(server.endpoint(), &config()).await;
    let before = shown(&session).picture;
    assert_eq!(session.claim(fence(1, 0)).await.unwrap().shown_by, before);
    assert_eq!(shown(&session).picture, before);
}

#[tokio::test]
async fn each_claim_that_must_not_be_is_refused_by_name() {
    let server = Server::start();
    let session = claimed(server.endpoint(), &config()).await;
    let stored = fence(5, 5);
    session.claim(stored).await.unwrap();
    let before = server.dump();
    for ours in [fence(4, 9), fence(5, 4)] {
        let source = FenceRefusal::Superseded { stored, ours };
        assert_eq!(session.claim(ours).await, Err(ClaimError::Refused { host: HOST, source }));
    }
    let ours = Fence { cluster: ClusterId(1), ..fence(9, 9) };
    let source = FenceRefusal::OtherCluster { stored, ours };
    assert_eq!(session.claim(ours).await, Err(ClaimError::Refused { host: HOST, source }));
    assert_eq!(server.dump(), before);

    server.vsctl(&["set", ROOT[0], ROOT[1], "external_ids:asterism-fence=rubbish"]);
    picture(&session, |seen| seen.fence == StoredFence::Malformed("rubbish".into())).await;
    let source = FenceRefusal::Malformed { text: "rubbish".into() };
    assert_eq!(session.claim(fence(9, 9)).await, Err(ClaimError::Refused { host: HOST, source }));
}

/// A deposed leader may have seen a host's fence, and find an emptied database without one when it wakes up.
#[tokio::test]
async fn a_claim_of_a_database_that_is_there_no_longer_is_refused() {
    let server = Server::start();
    let session = open(server.endpoint(), &config());
    let root = picture(&session, |_| true).await.root;
    let before = server.dump();
    let refused = session.claim_seen(RowUuid(root.0 ^ 1), fence(1, 0)).await;
    assert!(matches!(refused, Err(ClaimError::Rejected { .. })), "{refused:?}");
    assert_eq!(server.dump(), before);
    session.claim_seen(root, fence(1, 0)).await.unwrap();
    assert_eq!(shown(&session).fence, StoredFence::Present(fence(1, 0)));
}

#[tokio::test]
async fn other_keys_of_the_root_row_are_left_alone() {
    let server = Server::start();
    server.vsctl(&["set", ROOT[0], ROOT[1], "external_ids:system-id=x", "external_ids:hostname=y"]);
    let session = claimed(server.endpoint(), &config()).await;
    session.claim(fence(2, 0)).await.unwrap();
    server.vsctl(&["remove", ROOT[0], ROOT[1], "external_ids", "asterism-fence"]);
    let left = server.vsctl(&["get", ROOT[0], ROOT[1], "external_ids"]);
    assert_eq!(left.trim(), "{hostname=y, system-id=x}");
}

#[tokio::test]
async fn of_many_claims_at_once_the_greatest_wins() {
    const CLAIMERS: u64 = 6;
    for _ in 0..5 {
        // From an absent fence first, then from one that all have seen.
        let server = Server::start();
        for round in 0..4 {
            let mut claims = JoinSet::new();
            for claimer in 1..=CLAIMERS {
                let session = open(server.endpoint(), &config());
                picture(&session, |_| true).await;
                claims.spawn(
                    async move { (claimer, session.claim(fence(round * CLAIMERS + claimer, 0)).await) },
                );
            }
            let greatest = fence((round + 1) * CLAIMERS, 0);
            while let Some(claim) = claims.join_next().await {
                match claim.unwrap() {
                    (CLAIMERS, result) => assert!(result.is_ok(), "{result:?}"),
                    // A lesser one may have held the host for a moment, or was refused by name.
                    (_, Ok(_) | Err(ClaimError::Refused { source: FenceRefusal::Superseded { .. }, .. })) => {
                    }
                    (_, Err(error)) => panic!("{error}"),
                }
            }
            let stored = server.vsctl(&["get", ROOT[0], ROOT[1], "external_ids:asterism-fence"]);
            assert_eq!(stored.trim().trim_matches('"'), greatest.to_string());
        }
    }
}
