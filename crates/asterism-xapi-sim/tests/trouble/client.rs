//! A client that keeps its connection and its session.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use asterism_xapi_sim::Simulator;
use serde_json::{Value as Json, json};

/// Longer than anything takes that is to end by itself.
const LIMIT: Duration = Duration::from_secs(30);

pub(super) struct Client {
    stream: TcpStream,
    session: String,
}

impl Client {
    /// A client that is logged in at a host.
    pub(super) fn of(simulator: &Simulator, host: &str) -> Client {
        let mut client = Client::at(simulator, host);
        let answer =
            client.call_plainly("session.login_with_password", json!(["root", "secret", "1.0", "test"]));
        answer.unwrap()["result"].as_str().unwrap().clone_into(&mut client.session);
        client
    }

    /// A client that is connected to a host.
    pub(super) fn at(simulator: &Simulator, host: &str) -> Client {
        let url = simulator.url(host);
        let stream = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        Client { stream, session: String::new() }
    }

    pub(super) fn session(&self) -> &str {
        &self.session
    }

    /// The same session on another connection.
    pub(super) fn twin(&self) -> Client {
        let stream = TcpStream::connect(self.stream.peer_addr().unwrap()).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        Client { stream, session: self.session.clone() }
    }

    /// The text that a call answers.
    pub(super) fn text(&mut self, method: &str, arguments: Json) -> String {
        self.result(method, arguments).as_str().unwrap().to_owned()
    }

    /// What a call answers.
    pub(super) fn result(&mut self, method: &str, arguments: Json) -> Json {
        let answer = self.call(method, arguments).unwrap();
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// The code and the parameters that a call fails with.
    pub(super) fn failure(&mut self, method: &str, arguments: Json) -> Vec<String> {
        let answer = self.call(method, arguments).unwrap();
        failure_of(&answer)
    }

    /// A call in the session.
    pub(super) fn call(&mut self, method: &str, arguments: Json) -> io::Result<Json> {
        let mut parameters = vec![json!(self.session)];
        parameters.extend(arguments.as_array().unwrap().clone());
        self.call_plainly(method, json!(parameters))
    }

    /// A call with these parameters and no others.
    pub(super) fn call_plainly(&mut self, method: &str, parameters: Json) -> io::Result<Json> {
        let body = json!({ "jsonrpc": "2.0", "method": method, "params": parameters, "id": 1 }).to_string();
        let answer =
            self.send(&format!("POST /jsonrpc HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len()))?;
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).map_err(io::Error::other)
    }

    /// Sends text, and reads an answer whole.
    pub(super) fn send(&mut self, text: &str) -> io::Result<String> {
        self.stream.write_all(text.as_bytes())?;
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        while !is_whole(&bytes) {
            let count = self.stream.read(&mut chunk)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            bytes.extend_from_slice(&chunk[..count]);
        }
        String::from_utf8(bytes).map_err(io::Error::other)
    }

    /// Makes a call on another connection, and answers at once; the answer comes with `join`.
    pub(super) fn start(&self, method: &'static str, arguments: Json) -> JoinHandle<io::Result<Json>> {
        let mut twin = self.twin();
        thread::spawn(move || twin.call(method, arguments))
    }
}

pub(super) fn failure_of(answer: &Json) -> Vec<String> {
    let error = &answer["error"];
    let text = |json: &Json| json.as_str().unwrap_or_else(|| panic!("{answer} is no failure")).to_owned();
    std::iter::once(text(&error["message"]))
        .chain(error["data"].as_array().unwrap().iter().map(text))
        .collect()
}

/// Waits until something is so.
pub(super) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < deadline, "never: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn is_whole(bytes: &[u8]) -> bool {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    bytes.len() - end - 4 >= length.unwrap_or(0)
}
