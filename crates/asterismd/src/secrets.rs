//! Passwords of pools: sealed with the cluster's key before they enter the log, and opened where a pool is logged into.
//!
//! The key is in a file that every replica's configuration names, and nowhere else: not in the log, not in snapshots, not on
//! the wire. AES-256-GCM (NIST SP 800-38D) with a random nonce; the pool's uuid is authenticated beside the text, so that
//! one pool's password, copied into another's record, opens nothing. What [`Secret`] and [`ClusterKey`] hold never shows
//! in a log.

use std::{fmt, fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

use anyhow::{Context as _, bail};
use asterism_model::{SealedSecret, XapiUuid};
use openssl::{
    error::ErrorStack,
    rand::rand_bytes,
    sha::sha256,
    symm::{Cipher, decrypt_aead, encrypt_aead},
};
use zeroize::Zeroizing;

/// Of AES-256, in bytes.
const KEY: usize = 32;
/// What GCM takes without hashing it first. Random nonces repeat after some 2^48 sealings; a cluster makes one for each
/// change of a password.
const NONCE: usize = 12;
/// GCM's longest, which all of its promises are made for.
const TAG: usize = 16;

/// A text that must not be seen. Wiped from memory when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// For sealing and for logging in, and nowhere else.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// The key under which a cluster's secrets are sealed: the same on all of its replicas.
#[derive(Clone)]
pub struct ClusterKey {
    key: Arc<Zeroizing<[u8; KEY]>>,
    id: String,
}

/// Why a sealed text can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "it is sealed with the cluster key {needed}, and this replica has {ours}: `[secrets] key` must name the same key on \
         every replica; or give the password again with `asterctl pool update`"
    )]
    OtherKey { needed: String, ours: String },
    /// It was changed, cut, or sealed for another pool.
    #[error("it is damaged, or another pool's; give the password again with `asterctl pool update`")]
    Damaged,
}

impl ClusterKey {
    /// Reads the key's file: 64 hexadecimal digits, and readable by its owner only.
    ///
    /// # Errors
    /// What is wrong with the file. Its content is not told.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let mode = fs::metadata(path).with_context(|| format!("reading {shown}"))?.permissions().mode();
        if mode & 0o077 != 0 {
            bail!(
                "{shown} can be read by others, its mode is {:o}; expected one that is its owner's only: `chmod 600 {shown}`",
                mode & 0o777
            );
        }
        let text = Zeroizing::new(fs::read(path).with_context(|| format!("reading {shown}"))?);
        let bytes = std::str::from_utf8(&text).ok().and_then(|text| unhex(text.trim())).map(Zeroizing::new);
        let key = bytes.and_then(|bytes| <[u8; KEY]>::try_from(bytes.as_slice()).ok());
        let Some(key) = key else {
            bail!(
                "{shown} holds no key; expected 64 hexadecimal digits, as `openssl rand -hex 32` makes them"
            );
        };
        Ok(Self::new(key))
    }

    fn new(key: [u8; KEY]) -> Self {
        let key = Zeroizing::new(key);
        let id = hex(&sha256(&*key)[..4]);
        Self { key: Arc::new(key), id }
    }

    /// Which key it is: the first 8 hexadecimal digits of its SHA-256. Tells nothing of the key.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Seals a pool's password.
    ///
    /// # Errors
    /// OpenSSL has no randomness.
    pub fn seal(&self, pool: XapiUuid, secret: &Secret) -> Result<SealedSecret, ErrorStack> {
        let mut sealed = vec![0; NONCE];
        rand_bytes(&mut sealed)?;
        let mut tag = [0; TAG];
        let text = encrypt_aead(
            Cipher::aes_256_gcm(),
            &**self.key,
            Some(&sealed[..NONCE]),
            &pool.0.to_be_bytes(),
            secret.expose().as_bytes(),
            &mut tag,
        )?;
        sealed.extend(text);
        sealed.extend(tag);
        Ok(SealedSecret { key: self.id.clone(), sealed: hex(&sealed) })
    }

    /// Opens a pool's password.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(&self, pool: XapiUuid, secret: &SealedSecret) -> Result<Secret, OpenError> {
        if secret.key != self.id {
            return Err(OpenError::OtherKey { needed: secret.key.clone(), ours: self.id.clone() });
        }
        let sealed = unhex(&secret.sealed).ok_or(OpenError::Damaged)?;
        let (nonce, rest) = sealed.split_at_checked(NONCE).ok_or(OpenError::Damaged)?;
        let text = rest.len().checked_sub(TAG).ok_or(OpenError::Damaged)?;
        let (text, tag) = rest.split_at(text);
        let opened =
            decrypt_aead(Cipher::aes_256_gcm(), &**self.key, Some(nonce), &pool.0.to_be_bytes(), text, tag);
        let opened = Zeroizing::new(opened.map_err(|_| OpenError::Damaged)?);
        let text = std::str::from_utf8(&opened).map_err(|_| OpenError::Damaged)?;
        Ok(Secret::new(text))
    }
}

impl fmt::Debug for ClusterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClusterKey({})", self.id)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let is_hex = text.len().is_multiple_of(2) && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !is_hex {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: XapiUuid = XapiUuid(7);

    fn key(byte: u8) -> ClusterKey {
        ClusterKey::new([byte; KEY])
    }

    fn sealed(text: &str) -> SealedSecret {
        key(1).seal(POOL, &Secret::new(text)).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_with_the_same_key_for_the_same_pool() {
        for text in ["", "hunter2", "pässwörd with spaces"] {
            assert_eq!(key(1).open(POOL, &sealed(text)).unwrap(), Secret::new(text));
        }
        assert_ne!(sealed("hunter2"), sealed("hunter2"), "no nonce is used twice");
    }

    #[test]
    fn another_key_is_named() {
        let error = key(2).open(POOL, &sealed("hunter2")).unwrap_err().to_string();
        assert!(error.contains(key(1).id()) && error.contains(key(2).id()), "{error}");
    }

    #[test]
    fn another_pools_or_a_changed_text_opens_nothing() {
        let whole = sealed("hunter2");
        assert!(matches!(key(1).open(XapiUuid(8), &whole), Err(OpenError::Damaged)));
        for at in 0..whole.sealed.len() {
            let mut text = whole.sealed.clone();
            let other = if &text[at..=at] == "0" { "1" } else { "0" };
            text.replace_range(at..=at, other);
            let changed = SealedSecret { sealed: text, ..whole.clone() };
            assert!(matches!(key(1).open(POOL, &changed), Err(OpenError::Damaged)), "digit {at}");
        }
        for cut in ["", "00", "zz", &whole.sealed[2..], &whole.sealed[..whole.sealed.len() - 1]] {
            let changed = SealedSecret { sealed: cut.to_owned(), ..whole.clone() };
            assert!(matches!(key(1).open(POOL, &changed), Err(OpenError::Damaged)), "{cut}");
        }
    }

    #[test]
    fn no_secret_shows() {
        let secret = Secret::new("hunter2");
        let key = key(0xab);
        let sealed = key.seal(POOL, &secret).unwrap();
        let shown = format!("{secret} {secret:?} {:?} {key:?} {sealed:?}", Some(&secret));
        assert!(
            !shown.contains("hunter2") && !shown.contains("abab") && !shown.contains("171, 171"),
            "{shown}"
        );
        let stored = serde_json::to_string(&sealed).unwrap();
        assert!(!stored.contains("hunter2") && !stored.contains(&hex(b"hunter2")), "{stored}");
    }

    #[test]
    fn a_key_file_is_private_and_holds_64_digits() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cluster.key");
        let read = |content: &str, mode: u32| {
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            ClusterKey::read(&path).map_err(|error| format!("{error:#}"))
        };
        let digits = "0a".repeat(32);
        assert_eq!(read(&format!("{digits}\n"), 0o600).unwrap().id(), ClusterKey::new([10; KEY]).id());
        assert_eq!(read(&digits, 0o400).unwrap().id().len(), 8);
        for (content, mode, what) in [
            (digits.as_str(), 0o640, "chmod 600"),
            (digits.as_str(), 0o604, "chmod 600"),
            (&digits[2..], 0o600, "64 hexadecimal"),
            ("", 0o600, "64 hexadecimal"),
            (&"zz".repeat(32), 0o600, "64 hexadecimal"),
        ] {
            let error = read(content, mode).unwrap_err();
            assert!(error.contains(what) && error.contains("cluster.key"), "{error}");
            assert!(!error.contains("0a0a"), "the content is not told: {error}");
        }
        fs::remove_file(&path).unwrap();
        assert!(format!("{:#}", ClusterKey::read(&path).unwrap_err()).contains("cluster.key"));
    }
}
