//! A TCP proxy that mistreats what it forwards.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use asterism_model::OvsdbEndpoint;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Dropping it ends the proxy; connections end with their ends.
pub struct Proxy {
    endpoint: OvsdbEndpoint,
    rewrote: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

#[derive(Clone)]
enum Treatment {
    OneByteAtATime,
    /// In what the client sends; both of one length.
    Rewrite {
        from: &'static str,
        to: &'static str,
        count: Arc<AtomicUsize>,
    },
}

impl Proxy {
    /// Forwards each byte by itself, in both directions.
    pub async fn one_byte_at_a_time(to: OvsdbEndpoint) -> Self {
        Self::start(to, Treatment::OneByteAtATime, Arc::default()).await
    }

    /// Replaces a word in what the client sends.
    pub async fn rewriting(endpoint: OvsdbEndpoint, from: &'static str, to: &'static str) -> Self {
        assert_eq!(from.len(), to.len());
        let count = Arc::<AtomicUsize>::default();
        Self::start(endpoint, Treatment::Rewrite { from, to, count: count.clone() }, count).await
    }

    pub fn endpoint(&self) -> OvsdbEndpoint {
        self.endpoint.clone()
    }

    pub fn rewrote(&self) -> usize {
        self.rewrote.load(Ordering::Relaxed)
    }

    async fn start(to: OvsdbEndpoint, treatment: Treatment, rewrote: Arc<AtomicUsize>) -> Self {
        let OvsdbEndpoint::Tcp(server) = to else { panic!("{to} is no TCP endpoint") };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = OvsdbEndpoint::Tcp(listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(server).await.unwrap();
                server.set_nodelay(true).unwrap();
                client.set_nodelay(true).unwrap();
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(forward(from_client, to_server, treatment.clone()));
                let back = match &treatment {
                    Treatment::OneByteAtATime => treatment.clone(),
                    Treatment::Rewrite { .. } => {
                        Treatment::Rewrite { from: "", to: "", count: Arc::default() }
                    }
                };
                tokio::spawn(forward(from_server, to_client, back));
            }
        });
        Self { endpoint, rewrote, task }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, treatment: Treatment) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let sent = match &treatment {
            Treatment::OneByteAtATime => send_bytewise(&mut to, &buffer[..length]).await,
            Treatment::Rewrite { from, to: word, count } => {
                let text = replace(&buffer[..length], from, word, count);
                to.write_all(&text).await
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

async fn send_bytewise(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    for byte in bytes {
        to.write_all(&[*byte]).await?;
        tokio::task::yield_now().await;
    }
    Ok(())
}

fn replace(bytes: &[u8], from: &str, to: &str, count: &AtomicUsize) -> Vec<u8> {
    if from.is_empty() {
        return bytes.to_vec();
    }
    let text = std::str::from_utf8(bytes).expect("requests are UTF-8 and short enough to come whole");
    count.fetch_add(text.matches(from).count(), Ordering::Relaxed);
    text.replace(from, to).into_bytes()
}
