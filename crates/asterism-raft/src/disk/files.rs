//! Snapshots as files in a directory: written beside, synced, renamed, and the directory synced.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::SnapshotDisk;

const UNFINISHED: &str = "tmp";
const DAMAGED: &str = "damaged";

/// A directory of snapshots.
pub struct SnapshotFiles {
    dir: PathBuf,
}

impl SnapshotFiles {
    /// Makes the directory if absent, and removes what a crash left half-written.
    ///
    /// # Errors
    /// The directory can't be made or read.
    pub fn open(dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == UNFINISHED) {
                fs::remove_file(path)?;
            }
        }
        sync_dir(dir)?;
        Ok(Self { dir: dir.to_owned() })
    }
}

impl SnapshotDisk for SnapshotFiles {
    fn list(&self) -> io::Result<Vec<String>> {
        fs::read_dir(&self.dir)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .filter(|name| !matches!(name, Ok(name) if name.ends_with(DAMAGED)))
            .collect()
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.dir.join(name))
    }

    fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        write_file(&self.dir, name, content)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.dir.join(name))?;
        sync_dir(&self.dir)
    }

    fn set_aside(&self, name: &str) -> io::Result<()> {
        fs::rename(self.dir.join(name), self.dir.join(format!("{name}.{DAMAGED}")))?;
        sync_dir(&self.dir)
    }
}

/// Makes `dir/name` hold `content`, also after a power cut: whole or, until this returns, not at all.
pub fn write_file(dir: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let unfinished = dir.join(format!("{name}.{UNFINISHED}"));
    let mut file = File::create(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&unfinished, dir.join(name))?;
    sync_dir(dir)
}

/// Makes the names in a directory survive a power cut.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
