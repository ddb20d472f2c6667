//! The note that a replica leaves in its data directory when its state turned out to be wrong: it must not come back with it.

use std::{fs, path::Path};

use anyhow::bail;
use tracing::error;

const NAME: &str = "DIVERGED";

/// Leaves the note, and returns the sentence for operators.
pub fn leave(data_dir: &Path, index: u64) -> String {
    let sentence = format!(
        "this replica's state after entry {index} differs from that of the majority, so it serves no longer. Keep {} for \
         analysis, and let a new node take its place",
        data_dir.display()
    );
    if let Err(failed) = fs::write(data_dir.join(NAME), format!("{sentence}\n")) {
        error!(%failed, "the note was not left: this replica would start again");
    }
    sentence
}

/// # Errors
/// There is a note.
pub fn check(data_dir: &Path) -> anyhow::Result<()> {
    let path = data_dir.join(NAME);
    match fs::read_to_string(&path) {
        Ok(sentence) => bail!("data_dir: {} says: {}", path.display(), sentence.trim_end()),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_with_a_note_does_not_start() {
        let dir = tempfile::tempdir().unwrap();
        check(dir.path()).unwrap();
        let sentence = leave(dir.path(), 812);
        assert!(sentence.contains("entry 812"));
        let refused = format!("{:#}", check(dir.path()).unwrap_err());
        assert!(refused.contains("data_dir") && refused.contains("entry 812"), "{refused}");
    }
}
