//! HTTPS: what is offered, and whose certificate is shown.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use asterism_xapi_sim::{Listen, Simulator};
use openssl::{
    hash::MessageDigest,
    ssl::{SslConnector, SslMethod, SslStream, SslVerifyMode},
};

use super::start;

#[test]
fn https_offers_tls_1_2_and_the_certificate_that_the_records_tell() {
    let (simulator, _) = start(|spec| spec, Listen::https(0));
    let mut seen = Vec::new();
    for host in ["h1", "h2"] {
        let mut stream = connect(&simulator, host);
        assert_eq!(stream.ssl().version_str(), "TLSv1.2");
        let digest = stream.ssl().peer_certificate().unwrap().digest(MessageDigest::sha256()).unwrap();
        let shown: Vec<String> = digest.iter().map(|octet| format!("{octet:02X}")).collect();
        assert_eq!(Some(shown.join(":")), simulator.fingerprint(host));
        seen.push(shown);
        let answer = call(&mut stream, "");
        assert!(answer.contains("pool.get_all"), "{answer}");
    }
    assert_ne!(seen[0], seen[1], "each host has its own");
}

#[test]
fn a_slave_tells_the_masters_fingerprint_to_who_asks() {
    let (simulator, _) = start(|spec| spec, Listen::https(0));
    let mut stream = connect(&simulator, "h2");
    let answer = call(&mut stream, "x-xenapi-request-host-certificate-thumbprint: sha-256:master\r\n");
    let fingerprint = simulator.fingerprint("h1").unwrap();
    assert!(
        answer.contains(&format!("x-xenapi-response-host-certificate-thumbprint: {fingerprint}")),
        "{answer}"
    );
}

#[test]
fn http_can_be_served_beside_https() {
    let (simulator, _) = start(|spec| spec, Listen::https(0).and_http(0));
    assert!(simulator.url("h1").starts_with("https://"));
}

fn connect(simulator: &Simulator, host: &str) -> SslStream<TcpStream> {
    let stream = TcpStream::connect(simulator.url(host).trim_start_matches("https://")).unwrap();
    let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
    builder.set_verify(SslVerifyMode::NONE);
    builder.build().connect("pool", stream).unwrap()
}

/// Asks for the list of methods, and ends the connection.
fn call(stream: &mut SslStream<TcpStream>, headers: &str) -> String {
    let body = r#"{"method":"system.listMethods","params":[],"id":1}"#;
    let length = body.len();
    let head =
        format!("POST /jsonrpc HTTP/1.1\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut bytes = Vec::new();
    // The end of the connection need not be announced: the answer's length is.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8(bytes).unwrap()
}
