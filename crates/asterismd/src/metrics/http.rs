//! The listener that Prometheus and load balancers ask: `/metrics`, `/healthz`, `/readyz`.
//!
//! Plain HTTP and no certificates, so it tells nothing that is secret and takes nothing but GET. It is off unless the
//! configuration names an address.

use std::{convert::Infallible, future::Future, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode, body::Bytes, header, server::conn::http1, service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{sleep, timeout},
};
use tracing::{debug, warn};

use super::Metrics;

/// Connections at a time; more wait to be accepted. A scraper has one.
const CONNECTIONS: usize = 16;
/// For a connection, from its first byte to its last.
const PATIENCE: Duration = Duration::from_secs(10);
/// After a failed accept: out of file descriptors, most likely.
const PAUSE: Duration = Duration::from_millis(100);

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// Where to listen, as the configuration has it; `None` for nowhere.
///
/// # Errors
/// It is no address.
pub fn address(listen: Option<&str>) -> anyhow::Result<Option<SocketAddr>> {
    match listen {
        None | Some("off") => Ok(None),
        Some(text) => text.parse().ok().map(Some).with_context(|| {
            format!(
                "metrics.listen: `{text}` is not an address; expected IP:PORT, as 127.0.0.1:9464, or \"off\""
            )
        }),
    }
}

/// Binds the address; what it returns serves until `stopped`.
///
/// # Errors
/// The address is taken, or not this machine's.
pub async fn serve(
    listen: SocketAddr,
    metrics: Metrics,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<(SocketAddr, impl Future<Output = ()> + Send + 'static)> {
    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!("metrics.listen: binding {listen}; expected a free address of this machine")
    })?;
    let bound = listener.local_addr().context("metrics.listen")?;
    let serving = async move {
        tokio::select! {
            () = accept(listener, metrics) => {}
            // A dropped sender stops too.
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
    };
    Ok((bound, serving))
}

async fn accept(listener: TcpListener, metrics: Metrics) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = room.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => {
                let metrics = metrics.clone();
                tokio::spawn(async move {
                    if timeout(PATIENCE, answer(stream, metrics)).await.is_err() {
                        debug!(%peer, "a scrape took too long");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                warn!(%error, "accepting a scrape");
                sleep(PAUSE).await;
            }
        }
    }
}

async fn answer(stream: TcpStream, metrics: Metrics) {
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let response = respond(request.method(), request.uri().path(), &metrics);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        debug!(%error, "a scrape broke off");
    }
}

fn respond(method: &Method, path: &str, metrics: &Metrics) -> Response<Full<Bytes>> {
    if method != Method::GET && method != Method::HEAD {
        return response(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET\n".into());
    }
    match path {
        "/metrics" => response(StatusCode::OK, OPENMETRICS, metrics.sheet().to_text()),
        "/healthz" => response(StatusCode::OK, TEXT, "alive\n".into()),
        "/readyz" => match metrics.readiness() {
            Ok(how) => response(StatusCode::OK, TEXT, format!("ready: {how}\n")),
            Err(why) => response(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("not ready: {why}\n")),
        },
        _ => response(StatusCode::NOT_FOUND, TEXT, "there are /metrics, /healthz and /readyz\n".into()),
    }
}

fn response(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}
