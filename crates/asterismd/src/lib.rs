//! A controller replica: joins consensus, the planner and the hosts' OVSDBs, and serves operators.
//!
//! [`run`] wires; [`leader`] is the loop that elects and programs while this replica leads; [`admin`] answers operators.
//! Followers run nothing but consensus and reads.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod access;
pub mod admin;
pub mod agreement;
pub mod backups;
pub mod clock;
pub mod config;
pub mod credentials;
pub mod leader;
pub mod listener;
pub mod logging;
pub mod members;
pub mod metrics;
mod notify;
pub mod pools;
pub mod recover;
pub mod secrets;
mod server;
pub mod vitals;

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use asterism_raft::Replica;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tracing::{error, info, warn};

pub use config::Config;

use admin::AdminForwarder;
use agreement::Compared;
use clock::Clock;
use credentials::{Credentials, Keeper, Standing};
use leader::LeaderView;
use metrics::Counters;
use notify::Supervisor;
use server::Serving;
use vitals::Vitals;

/// How long a stopping leader tries to hand leadership over. One election would take as long.
const HAND_OVER: Duration = Duration::from_secs(2);

/// The exit code of a replica whose disk failed while it ran: a supervisor should not restart it in a loop.
const EXIT_FAILED: u8 = 2;

/// Runs a replica until it is told to stop, or its storage fails.
///
/// # Errors
/// It could not start.
pub async fn run(config: Config) -> anyhow::Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;

    let supervisor = Supervisor::from_environment().context("NOTIFY_SOCKET")?;
    let credentials = Arc::new(Credentials::new(config.node, config.texts.clone())?);
    let peers = Arc::new(credentials.peers().context("tls: setting up the connections between replicas")?);
    agreement::check(&config.data_dir)?;
    let replica = Replica::start(config.replica(), peers.clone()).await?;
    let clock = Clock::start();
    let forwarder = AdminForwarder::new(credentials.security());
    let (standing, watch_standing) = watch::channel(Standing { credentials, problem: None });
    info!(node = %config.node, cluster = %config.cluster, version = env!("CARGO_PKG_VERSION"), listen = %config.listen,
        "replica started");

    let (view, watch_view) = watch::channel(Arc::new(LeaderView::none()));
    let (stop, stopped) = watch::channel(false);
    let counters = Counters::default();
    let leading = tokio::spawn(leader::run(leader::Context {
        node: config.node,
        replica: replica.clone(),
        sessions: config.sessions.clone(),
        pools: config.pools.clone(),
        settings: config.settings.clone(),
        clock: clock.clone(),
        counters: counters.clone(),
        view,
        stopped: stopped.clone(),
        credentials: watch_standing.clone(),
    }));
    let members_keeper = members::Keeper {
        node: config.node,
        replica: replica.clone(),
        clock: clock.clone(),
        failover: config.failover(),
    };
    let tending = tokio::spawn(members::run(members_keeper, config.advertise.clone(), stopped.clone()));
    let saving = tokio::spawn(backups::run(
        config.snapshots.clone(),
        backups::Source { node: config.node, replica: replica.clone(), clock: clock.clone() },
        stopped.clone(),
    ));
    let keeper = Keeper {
        node: config.node,
        files: config.files.clone(),
        every: config.reload_every,
        peers,
        forwarder: forwarder.clone(),
        clock: clock.clone(),
        standing,
    };
    let keeping = tokio::spawn(keeper.run(stopped.clone()));
    let (compared, _) = watch::channel(Compared::default());
    let vitals = Vitals::new(&config, watch_standing.clone());
    let parts = server::Parts {
        replica: replica.clone(),
        clock,
        view: watch_view,
        forwarder,
        credentials: watch_standing,
        counters,
        vitals,
        compared,
    };
    let Serving { server, agreement } = server::serve(&config, parts, stopped).await?;
    let serving = tokio::spawn(server);
    let mut agreement = tokio::spawn(agreement);
    supervisor.ready(&format!("replica {} of {} serves {}", config.node.0, config.cluster, config.listen));
    let feeding = tokio::spawn(supervisor.clone().feed(replica.clone()));

    let code = tokio::select! {
        _ = terminate.recv() => stop_gracefully(&replica).await,
        _ = interrupt.recv() => stop_gracefully(&replica).await,
        failure = replica.failed() => {
            error!(error = %failure, "storage failed: this replica can't promise anything any more");
            ExitCode::from(EXIT_FAILED)
        }
        diverged = &mut agreement => {
            error!(error = diverged.unwrap_or_else(|failed| failed.to_string()), "this replica must not go on");
            ExitCode::from(EXIT_FAILED)
        }
    };
    supervisor.stopping();
    agreement.abort();
    feeding.abort();
    // Receivers may be gone already; then there is nobody to stop.
    let _ = stop.send(true);
    let deadline = Duration::from_secs(5);
    let tasks = [
        ("leader", leading),
        ("members", tending),
        ("snapshots", saving),
        ("server", serving),
        ("certificates", keeping),
    ];
    for (what, task) in tasks {
        if tokio::time::timeout(deadline, task).await.is_err() {
            warn!(what, ?deadline, "did not stop in time");
        }
    }
    replica.shutdown().await;
    info!("replica stopped");
    Ok(code)
}

async fn stop_gracefully(replica: &Replica) -> ExitCode {
    if replica.watch_leadership().borrow().is_leader {
        match replica.transfer_leadership(None, HAND_OVER).await {
            Ok(peer) => info!(to = %peer, "leadership handed over"),
            Err(error) => warn!(%error, "leadership not handed over: the others elect by themselves"),
        }
    }
    ExitCode::SUCCESS
}
