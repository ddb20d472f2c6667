//! What happened, as lines: hashed always, kept when somebody wants to read them.

use std::fmt::{self, Write as _};

use sha2::{Digest as _, Sha256};

use super::Time;

/// The trace of one run. Equal runs have equal lines, byte for byte.
pub struct Trace {
    hash: Sha256,
    line: String,
    kept: Option<Vec<String>>,
    count: u64,
}

impl Trace {
    pub fn new(is_kept: bool) -> Self {
        Self { hash: Sha256::new(), line: String::new(), kept: is_kept.then(Vec::new), count: 0 }
    }

    pub fn note(&mut self, now: Time, what: fmt::Arguments<'_>) {
        self.line.clear();
        // A string takes whatever is written.
        let _ = writeln!(self.line, "{now} {what}");
        self.hash.update(self.line.as_bytes());
        self.count += 1;
        if let Some(kept) = &mut self.kept {
            kept.push(self.line.trim_end().to_owned());
        }
    }

    /// In hexadecimal, the first half of it, which is enough to tell two runs apart.
    pub fn digest(&self) -> String {
        self.hash.clone().finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn take_lines(&mut self) -> Vec<String> {
        self.kept.take().unwrap_or_default()
    }
}
