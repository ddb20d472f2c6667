//! One directed link between two replicas, which can be made to swallow everything.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

pub struct Proxy {
    pub address: SocketAddr,
    open: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Passes on to `target` until told otherwise.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (open, opened) = watch::channel(true);
        let task = tokio::spawn(async move {
            while let Ok((inbound, _)) = listener.accept().await {
                tokio::spawn(link(inbound, target, opened.clone()));
            }
        });
        Self { address, open, task }
    }

    /// Accepts and keeps connections, and passes nothing on: as a frozen peer, or a network that drops.
    pub fn swallow(&self) {
        self.open.send_replace(false);
    }

    pub fn heal(&self) {
        self.open.send_replace(true);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn link(inbound: TcpStream, target: SocketAddr, mut open: watch::Receiver<bool>) {
    if open.wait_for(|open| *open).await.is_err() {
        return;
    }
    let Ok(outbound) = TcpStream::connect(target).await else { return };
    // Small messages are passed on at once, as between the replicas themselves.
    if inbound.set_nodelay(true).and_then(|()| outbound.set_nodelay(true)).is_err() {
        return;
    }
    let (from_near, to_near) = inbound.into_split();
    let (from_far, to_far) = outbound.into_split();
    tokio::select! {
        () = pass(from_near, to_far, open.clone()) => (),
        () = pass(from_far, to_near, open) => (),
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut open: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(len @ 1..) = from.read(&mut buffer).await {
        if open.wait_for(|open| *open).await.is_err() || to.write_all(&buffer[..len]).await.is_err() {
            return;
        }
    }
}
