//! All that a cluster starts with: its authority, its nodes' certificates, an admin's, one toward hosts, and the key that
//! seals pools' passwords.

use std::path::Path;

use asterism_model::{AccessRole, Name};
use openssl::rand::rand_bytes;

use crate::{Authority, Keys, PkiError, Subject, files};

/// The file of the key that seals pools' passwords.
pub const CLUSTER_KEY: &str = "cluster.key";
/// Its bytes.
const CLUSTER_KEY_BYTES: usize = 32;

/// What to make.
#[derive(Debug, Clone)]
pub struct Outset {
    pub nodes: Vec<Subject>,
    pub admin: Name,
    /// How long the authority lasts.
    pub days: i64,
}

impl Outset {
    /// Makes all of it in a directory, and returns the names of the certificates. `now` in seconds since the Unix epoch.
    ///
    /// # Errors
    /// Some of it is there already, or can't be made; then nothing was written, unless the disk failed.
    pub fn make(&self, dir: &Path, now: i64) -> Result<Vec<String>, PkiError> {
        let admin = Subject::Caller { name: self.admin.clone(), role: AccessRole::Admin };
        let subjects: Vec<&Subject> = self.nodes.iter().chain([&admin, &Subject::Ovsdb]).collect();
        let mut names = vec![files::AUTHORITY.to_owned()];
        names.extend(subjects.iter().map(|subject| subject.common_name()));
        require_free(dir, &names)?;
        let authority = Authority::create("Asterism authority", Keys::Ecdsa, now, self.days)?;
        let issue = |subject: &&Subject| authority.issue(subject, now, subject.days().min(self.days));
        let issued = subjects.iter().map(issue).collect::<Result<Vec<_>, _>>()?;
        let key = cluster_key()?;
        files::write_authority(dir, &authority)?;
        for (name, pair) in names.iter().skip(1).zip(&issued) {
            files::write_pair(dir, name, pair)?;
        }
        files::write_secret(&dir.join(CLUSTER_KEY), &key)?;
        Ok(names)
    }
}

fn require_free(dir: &Path, names: &[String]) -> Result<(), PkiError> {
    for (place, name) in names.iter().enumerate() {
        if names[..place].contains(name) {
            return Err(PkiError::Twice { name: name.clone() });
        }
    }
    let pairs =
        names.iter().flat_map(|name| [files::certificate_path(dir, name), files::key_path(dir, name)]);
    match pairs.chain([dir.join(CLUSTER_KEY)]).find(|path| path.exists()) {
        Some(path) => Err(PkiError::Exists { path }),
        None => Ok(()),
    }
}

fn cluster_key() -> Result<String, PkiError> {
    let mut key = [0; CLUSTER_KEY_BYTES];
    rand_bytes(&mut key)
        .map_err(|source| PkiError::OpenSsl { doing: "drawing the cluster's key", source })?;
    Ok(key.iter().map(|byte| format!("{byte:02x}")).chain(["\n".to_owned()]).collect())
}
