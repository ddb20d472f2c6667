//! Cuts a byte stream into JSON values.
//!
//! OVSDB's JSON-RPC messages follow one another with nothing between them (RFC 7047 §4), and arrive in any chunks.
//! The codec finds where each object ends by looking at every byte once, then parses it once. It does no I/O, and
//! knows nothing of what a message means ([`crate::message`] does).
//!
//! *Invariants:* no input makes it panic; memory is bounded by [`Limits`] plus the last chunk fed; the work done is
//! linear in the bytes fed, however they are chunked; after an error it yields nothing but that error, since where
//! the next message begins is unknown.

use serde_json::Value;

/// What a peer may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest message, in bytes. The largest is the first picture: some 700 bytes for each interface of the host.
    pub message_bytes: usize,
    /// Deepest nesting. OVSDB's own messages stay below 12; the JSON parser's own guard is at 128.
    pub depth: u32,
}

impl Default for Limits {
    fn default() -> Self {
        // Twice the picture of a host that is star-center of 1,000 networks with 40 hosts each.
        Self { message_bytes: 64 << 20, depth: 64 }
    }
}

/// The stream is not a sequence of JSON objects within the limits. Nothing after it can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    #[error("message longer than {limit} bytes")]
    TooLong { limit: usize },
    #[error("message nested deeper than {limit} levels")]
    TooDeep { limit: u32 },
    #[error("byte {byte:#04x} where a JSON object should begin")]
    NoObject { byte: u8 },
    #[error("malformed JSON: {0}")]
    Malformed(String),
}

/// A stream in the middle of being cut up.
#[derive(Debug)]
pub struct Codec {
    limits: Limits,
    buffer: Vec<u8>,
    /// Where the message being read begins in `buffer`.
    start: usize,
    /// How far `buffer` has been looked at.
    scanned: usize,
    place: Place,
    depth: u32,
    failed: Option<CodecError>,
}

/// Where in the JSON grammar the scan stands: just enough to know which braces count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Between,
    Structure,
    String,
    Escape,
}

impl Codec {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            buffer: Vec::new(),
            start: 0,
            scanned: 0,
            place: Place::Between,
            depth: 0,
            failed: None,
        }
    }

    /// Takes the next bytes of the stream. Call [`Codec::next_message`] until it has no more before feeding again.
    pub fn feed(&mut self, bytes: &[u8]) {
        // Moving the rest down only when it is the smaller part keeps the moves linear in the bytes fed.
        if self.start > self.buffer.len() / 2 || self.start == self.buffer.len() {
            self.buffer.drain(..self.start);
            self.scanned -= self.start;
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message, or `None` until more bytes are fed.
    pub fn next_message(&mut self) -> Result<Option<Value>, CodecError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let result = self.scan();
        if let Err(error) = &result {
            self.failed = Some(error.clone());
            self.buffer = Vec::new();
            self.start = 0;
            self.scanned = 0;
        }
        result
    }

    fn scan(&mut self) -> Result<Option<Value>, CodecError> {
        while let Some(&byte) = self.buffer.get(self.scanned) {
            self.scanned += 1;
            if self.step(byte)? {
                let text = &self.buffer[self.start..self.scanned];
                let value =
                    serde_json::from_slice(text).map_err(|error| CodecError::Malformed(error.to_string()))?;
                self.start = self.scanned;
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// Accounts for one byte; true when it ends a message.
    fn step(&mut self, byte: u8) -> Result<bool, CodecError> {
        match (self.place, byte) {
            (Place::Between, b' ' | b'\t' | b'\r' | b'\n') => {
                self.start = self.scanned;
                return Ok(false);
            }
            (Place::Between, b'{') => {
                self.place = Place::Structure;
                self.depth = 1;
            }
            (Place::Between, byte) => return Err(CodecError::NoObject { byte }),
            (Place::Structure, b'{' | b'[') => self.depth += 1,
            (Place::Structure, b'}' | b']') => self.depth -= 1,
            (Place::Structure, b'"') => self.place = Place::String,
            (Place::String, b'\\') => self.place = Place::Escape,
            (Place::String, b'"') => self.place = Place::Structure,
            (Place::Escape, _) => self.place = Place::String,
            (Place::Structure | Place::String, _) => {}
        }
        if self.depth > self.limits.depth {
            return Err(CodecError::TooDeep { limit: self.limits.depth });
        }
        if self.scanned - self.start > self.limits.message_bytes {
            return Err(CodecError::TooLong { limit: self.limits.message_bytes });
        }
        if self.depth == 0 {
            self.place = Place::Between;
            return Ok(true);
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn drain(codec: &mut Codec) -> Result<Vec<Value>, CodecError> {
        std::iter::from_fn(|| codec.next_message().transpose()).take(10_000).collect()
    }

    fn cut(chunks: &[&[u8]], limits: Limits) -> Result<Vec<Value>, CodecError> {
        let mut codec = Codec::new(limits);
        let mut messages = Vec::new();
        for chunk in chunks {
            codec.feed(chunk);
            messages.extend(drain(&mut codec)?);
        }
        Ok(messages)
    }

    #[test]
    fn messages_need_nothing_between_them() {
        let text = br#"{"a":"}{\"\\"}{"b":[{}]}  {"c":null}"#;
        let messages = cut(&[text], Limits::default()).unwrap();
        assert_eq!(messages, [json!({"a": "}{\"\\"}), json!({"b": [{}]}), json!({"c": null})]);
    }

    #[test]
    fn a_message_longer_than_the_limit_is_refused_before_it_ends() {
        let limits = Limits { message_bytes: 16, ..Limits::default() };
        assert_eq!(cut(&[br#"{"aaaaaaaaaa":1}"#], limits).unwrap().len(), 1);
        assert_eq!(cut(&[br#"{"aaaaaaaaaaaaaaaaaaa"#], limits), Err(CodecError::TooLong { limit: 16 }));
    }

    #[test]
    fn whitespace_between_messages_is_not_kept() {
        let limits = Limits { message_bytes: 16, ..Limits::default() };
        let mut codec = Codec::new(limits);
        for _ in 0..1000 {
            codec.feed(b"    \n\t  ");
            assert_eq!(codec.next_message(), Ok(None));
        }
        assert!(codec.buffer.len() <= 16, "{}", codec.buffer.len());
    }

    #[test]
    fn nesting_deeper_than_the_limit_is_refused() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        let limits = Limits::default();
        assert_eq!(cut(&[nested(64).as_bytes()], limits).unwrap().len(), 1);
        assert_eq!(cut(&[nested(65).as_bytes()], limits), Err(CodecError::TooDeep { limit: 64 }));
    }

    #[test]
    fn what_is_no_object_is_refused_and_nothing_is_read_after_it() {
        let mut codec = Codec::new(Limits::default());
        codec.feed(b"[1]{}");
        assert_eq!(codec.next_message(), Err(CodecError::NoObject { byte: b'[' }));
        codec.feed(b"{}");
        assert_eq!(codec.next_message(), Err(CodecError::NoObject { byte: b'[' }));
        assert!(matches!(cut(&[b"{]"], Limits::default()), Err(CodecError::Malformed(_))));
        assert!(matches!(cut(&[b"{\"\xff\":1}"], Limits::default()), Err(CodecError::Malformed(_))));
    }

    fn arb_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,12}|[\\\\\"{}\\[\\]]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[a-z\"\\\\{]{0,4}", inner, 0..5)
                    .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    fn split_at<'a>(mut bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
        let mut chunks = Vec::new();
        for &size in sizes.iter().cycle().take(bytes.len()) {
            let (head, tail) = bytes.split_at(size.min(bytes.len()));
            chunks.push(head);
            bytes = tail;
        }
        chunks
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_messages(
            values in prop::collection::vec(arb_json(), 0..6),
            sizes in prop::collection::vec(1usize..40, 1..8),
            gap in "[ \n\t\r]{0,3}",
        ) {
            let messages: Vec<Value> = values.into_iter().map(|value| json!({"m": value})).collect();
            let text: String = messages.iter().map(|message| format!("{message}{gap}")).collect();
            prop_assert_eq!(cut(&split_at(text.as_bytes(), &sizes), Limits::default()).unwrap(), messages.clone());
            prop_assert_eq!(cut(&split_at(text.as_bytes(), &[1]), Limits::default()).unwrap(), messages);
        }

        #[test]
        fn garbage_is_refused_alike_however_it_is_chunked(
            bytes in prop::collection::vec(prop_oneof![
                any::<u8>(),
                prop::sample::select(b"{}[]\"\\:,1 ".to_vec()),
            ], 0..200),
            sizes in prop::collection::vec(1usize..40, 1..8),
        ) {
            let limits = Limits { message_bytes: 64, depth: 4 };
            prop_assert_eq!(cut(&split_at(&bytes, &sizes), limits), cut(&[&bytes], limits));
        }
    }

    #[test]
    fn every_byte_is_looked_at_once() {
        // One message of 1 MiB, a byte at a time: the scan position never goes back.
        let text = format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 20));
        let mut codec = Codec::new(Limits::default());
        let mut messages = 0;
        for (fed, byte) in text.bytes().enumerate() {
            assert_eq!(codec.scanned, fed);
            codec.feed(&[byte]);
            messages += drain(&mut codec).unwrap().len();
        }
        assert_eq!(messages, 1);
    }
}
