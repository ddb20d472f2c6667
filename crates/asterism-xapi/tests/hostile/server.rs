//! A server that answers as it is told, rightly or not: what no faithful XAPI does.

use std::{net::SocketAddr, sync::Arc};

use asterism_model::XapiAddress;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

/// What to do with a request.
pub enum Reply {
    /// A result, as XAPI answers it.
    Result(Value),
    /// Any body, after the head of a right answer.
    Body(Vec<u8>),
    /// Any bytes; then the connection is closed.
    Bytes(Vec<u8>),
    /// A head that promises a gigabyte, and then as much as is taken.
    Endless,
    Hang,
}

/// Listens until it is dropped.
pub struct Server {
    address: SocketAddr,
    task: AbortHandle,
}

impl Server {
    /// Asks `script` for the reply to each method.
    pub async fn start(script: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(script);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let script = Arc::clone(&script);
                tokio::spawn(async move { serve(stream, &*script).await });
            }
        });
        Self { address, task: task.abort_handle() }
    }

    pub fn address(&self, scheme: &str) -> XapiAddress {
        format!("{scheme}://{}", self.address).parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// `None` once the connection is of no use.
async fn serve(mut stream: TcpStream, script: &(dyn Fn(&str) -> Reply + Send + Sync)) -> Option<()> {
    let mut received = Vec::new();
    loop {
        let request = read_request(&mut stream, &mut received).await?;
        let method = request["method"].as_str().unwrap_or_default();
        match script(method) {
            Reply::Result(result) => {
                let body = json!({ "jsonrpc": "2.0", "result": result, "id": request["id"] }).to_string();
                stream.write_all(&answer(body.as_bytes())).await.ok()?;
            }
            Reply::Body(body) => stream.write_all(&answer(&body)).await.ok()?,
            Reply::Bytes(bytes) => {
                stream.write_all(&bytes).await.ok()?;
                return None;
            }
            Reply::Endless => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n").await.ok()?;
                loop {
                    stream.write_all(&[b'['; 65536]).await.ok()?;
                }
            }
            Reply::Hang => std::future::pending().await,
        }
    }
}

pub fn answer(body: &[u8]) -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\nconnection:keep-alive\r\ncontent-type:application/json";
    let mut bytes = format!("{head}\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend(body);
    bytes
}

/// The next request's body.
async fn read_request(stream: &mut TcpStream, received: &mut Vec<u8>) -> Option<Value> {
    loop {
        if let Some((request, length)) = parse(received) {
            received.drain(..length);
            return Some(request);
        }
        if stream.read_buf(received).await.ok()? == 0 {
            return None;
        }
    }
}

/// A whole request at the beginning of `bytes`, and its length. What is no HTTP is a request for nothing.
fn parse(bytes: &[u8]) -> Option<(Value, usize)> {
    if !bytes.is_empty() && !b"POST".starts_with(&bytes[..bytes.len().min(4)]) {
        return Some((Value::Null, bytes.len()));
    }
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..head]).unwrap().to_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let end = head + length.parse::<usize>().unwrap();
    Some((serde_json::from_slice(bytes.get(head..end)?).unwrap(), end))
}
