//! HTTP/1.1 as xapi's own server speaks it: which requests it takes, and the headers of its answers.
//!
//! Pure: bytes in, a request or a refusal out. Limits and refusals are those that a real xapi was seen to have.

/// The longest body.
const BODY_BYTES_MAX: usize = 300 * 1024;
/// The longest request line with headers; 9 kB of either are refused.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// The most headers; 200 are refused.
const HEADERS_MAX: usize = 100;

/// A request whose head has come whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub path: String,
    /// How many bytes the head has.
    pub bytes: usize,
    /// How many bytes the body has.
    pub body_bytes: usize,
    pub keep_alive: bool,
    /// Whose certificate's fingerprint is wanted: the header `x-xenapi-request-host-certificate-thumbprint`.
    pub thumbprint_wanted: Option<String>,
}

/// A request that is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    Forbidden,
    InternalError,
    NotImplemented,
}

/// Reads the head of a request, if it has come whole.
pub(crate) fn head(bytes: &[u8]) -> Result<Option<Head>, Rejection> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let size = match request.parse(bytes) {
        Ok(httparse::Status::Complete(size)) => size,
        Ok(httparse::Status::Partial) if bytes.len() <= HEAD_BYTES_MAX => return Ok(None),
        Ok(httparse::Status::Partial) | Err(_) => return Err(Rejection::InternalError),
    };
    if size > HEAD_BYTES_MAX {
        return Err(Rejection::InternalError);
    }
    if request.method != Some("POST") {
        return Err(Rejection::NotImplemented);
    }
    let path = request.path.unwrap_or_default();
    if !path.starts_with('/') {
        return Err(Rejection::Forbidden);
    }
    let header = |name: &str| {
        let found = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.and_then(|header| std::str::from_utf8(header.value).ok())
    };
    // Bodies in chunks are not taken.
    if header("transfer-encoding").is_some() {
        return Err(Rejection::InternalError);
    }
    let body_bytes = match header("content-length").map(str::parse) {
        Some(Ok(length)) if length <= BODY_BYTES_MAX => length,
        Some(_) => return Err(Rejection::InternalError),
        None => 0,
    };
    let connection = header("connection").unwrap_or_default().to_ascii_lowercase();
    let keep_alive =
        if request.version == Some(1) { connection != "close" } else { connection == "keep-alive" };
    let thumbprint_wanted = header("x-xenapi-request-host-certificate-thumbprint").map(ToOwned::to_owned);
    Ok(Some(Head { path: path.to_owned(), bytes: size, body_bytes, keep_alive, thumbprint_wanted }))
}

/// The bytes of an answer to a call.
pub(crate) fn answer(body: &super::Body, keep_alive: bool, thumbprint: Option<&str>) -> Vec<u8> {
    let connection = if keep_alive { "keep-alive" } else { "close" };
    let mut text = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection:{connection}\r\ncache-control:no-cache, no-store\r\n\
         content-type:{}\r\n",
        body.text.len(),
        body.content_type
    );
    if let Some(thumbprint) = thumbprint {
        text.push_str(&format!("x-xenapi-response-host-certificate-thumbprint: {thumbprint}\r\n"));
    }
    if body.is_open {
        text.push_str("Access-Control-Allow-Origin:*\r\nAccess-Control-Allow-Headers:X-Requested-With\r\n");
    }
    text.push_str("\r\n");
    text.push_str(&body.text);
    text.into_bytes()
}

/// The bytes of a refusal; the connection closes after it.
pub(crate) fn rejection(rejection: Rejection) -> Vec<u8> {
    let (status, reason) = match rejection {
        Rejection::Forbidden => (403, "Forbidden"),
        Rejection::InternalError => (500, "Internal Server Error"),
        Rejection::NotImplemented => (501, "Method Not Implemented"),
    };
    page(status, reason)
}

/// The bytes of an error that a test asked for.
pub(crate) fn page(status: u16, reason: &str) -> Vec<u8> {
    let body = format!("<html><body><h1>HTTP {status} {reason}</h1></body></html>");
    let length = body.len();
    let head = format!("HTTP/1.1 {status} {reason}\r\ncontent-length: {length}\r\nconnection: close\r\n");
    format!("{head}cache-control: no-cache, no-store\r\ncontent-type: text/html\r\n\r\n{body}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_is_taken_and_stays_open() {
        let head = read("POST /jsonrpc HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n").unwrap().unwrap();
        assert_eq!((head.path.as_str(), head.body_bytes, head.keep_alive), ("/jsonrpc", 5, true));
        let old = read("POST / HTTP/1.0\r\nContent-Length: 0\r\n\r\n").unwrap().unwrap();
        assert!(!old.keep_alive, "HTTP/1.0 closes");
    }

    #[test]
    fn half_a_head_waits() {
        assert_eq!(read("POST /jsonrpc HTTP/1.1\r\nHost"), Ok(None));
    }

    #[test]
    fn what_xapi_refuses_is_refused() {
        let long = "x".repeat(9000);
        let many = "A: b\r\n".repeat(200);
        let cases = [
            ("GET / HTTP/1.1\r\n\r\n".to_owned(), Rejection::NotImplemented),
            ("PUT /x HTTP/1.1\r\n\r\n".to_owned(), Rejection::NotImplemented),
            ("HEAD / HTTP/1.1\r\n\r\n".to_owned(), Rejection::NotImplemented),
            ("POST jsonrpc HTTP/1.1\r\n\r\n".to_owned(), Rejection::Forbidden),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(), Rejection::InternalError),
            ("POST / HTTP/1.1\r\nContent-Length: 307201\r\n\r\n".to_owned(), Rejection::InternalError),
            (format!("POST / HTTP/1.1\r\nX: {long}\r\n\r\n"), Rejection::InternalError),
            (format!("POST /{long} HTTP/1.1\r\n\r\n"), Rejection::InternalError),
            (format!("POST / HTTP/1.1\r\n{many}\r\n"), Rejection::InternalError),
        ];
        for (request, rejection) in cases {
            assert_eq!(read(&request), Err(rejection), "{:.60}", request);
        }
        assert!(read("POST / HTTP/1.1\r\nContent-Length: 307200\r\n\r\n").is_ok(), "300 KiB pass");
    }

    fn read(request: &str) -> Result<Option<Head>, Rejection> {
        head(request.as_bytes())
    }
}
