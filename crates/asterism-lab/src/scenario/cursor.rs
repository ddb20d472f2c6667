//! The words of one line, read from left to right. Pure.

/// What is left of a line. A word in double quotes keeps its blanks; `#` outside of them ends the line.
pub(super) struct Cursor<'a> {
    words: Vec<&'a str>,
    next: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(line: &'a str) -> Result<Self, String> {
        let mut words = Vec::new();
        let mut rest = line.trim_start();
        while !rest.is_empty() && !rest.starts_with('#') {
            let (word, after) = match rest.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').ok_or("a quote is not closed")?,
                None => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
            };
            words.push(word);
            rest = after.trim_start();
        }
        Ok(Self { words, next: 0 })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.next >= self.words.len()
    }

    pub(super) fn peek(&self) -> Option<&'a str> {
        self.words.get(self.next).copied()
    }

    /// Goes past the word that was peeked at.
    pub(super) fn after(&mut self) -> &mut Self {
        self.next += 1;
        self
    }

    pub(super) fn next(&mut self, what: &str) -> Result<String, String> {
        let word = self.peek().ok_or_else(|| format!("expected {what}"))?;
        self.next += 1;
        Ok(word.to_owned())
    }

    /// Goes past the next word if it is this one.
    pub(super) fn take(&mut self, word: &str) -> bool {
        let is_next = self.peek() == Some(word);
        self.next += usize::from(is_next);
        is_next
    }

    pub(super) fn expect(&mut self, word: &str) -> Result<(), String> {
        if self.take(word) {
            return Ok(());
        }
        Err(match self.peek() {
            Some(other) => format!("`{other}`: expected `{word}`"),
            None => format!("expected `{word}`"),
        })
    }

    /// `key=value`, if there is one more word.
    pub(super) fn option(&mut self) -> Result<Option<(String, String)>, String> {
        let Some(word) = self.peek() else { return Ok(None) };
        let (key, value) = word.split_once('=').ok_or_else(|| format!("`{word}`: expected key=value"))?;
        self.next += 1;
        Ok(Some((key.to_owned(), value.to_owned())))
    }

    /// All words must have been read.
    pub(super) fn end(&self) -> Result<(), String> {
        match self.peek() {
            Some(word) => Err(format!("`{word}` is too much")),
            None => Ok(()),
        }
    }
}
