//! Pairs of certificate and key on disk: `NAME.pem` and `NAME.key`, made whole, keys private, nothing overwritten.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use crate::{Authority, Certificate, Issued, PkiError};

/// Of an authority in its directory.
pub const AUTHORITY: &str = "ca";

/// The directory of what was renewed, beside the new.
pub const REPLACED: &str = "replaced";

const PRIVATE: u32 = 0o600;
const PUBLIC: u32 = 0o644;

/// Where the certificate `name` is.
pub fn certificate_path(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.pem"))
}

/// Where the key of the certificate `name` is.
pub fn key_path(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.key"))
}

/// Opens the authority of a directory.
///
/// # Errors
/// It is not there, can be read by others, or is none.
pub fn open_authority(dir: &Path) -> Result<Authority, PkiError> {
    let key_path = key_path(dir, AUTHORITY);
    let key = read(&key_path)?;
    let mode = fs::metadata(&key_path).map_err(io_error("reading", &key_path))?.mode();
    if mode & 0o077 != 0 {
        return Err(PkiError::Exposed { path: key_path });
    }
    Authority::open(&read(&certificate_path(dir, AUTHORITY))?, &key)
}

/// Writes an authority's files into a directory, which is made if it is not there.
///
/// # Errors
/// There is one already.
pub fn write_authority(dir: &Path, authority: &Authority) -> Result<(), PkiError> {
    fs::create_dir_all(dir).map_err(io_error("making", dir))?;
    let issued = Issued {
        certificate_pem: authority.certificate_pem().to_owned(),
        key_pem: authority.key_pem().to_owned(),
    };
    write_pair(dir, AUTHORITY, &issued)
}

/// Writes a new pair.
///
/// # Errors
/// One of the two is there already; then neither is written.
pub fn write_pair(dir: &Path, name: &str, issued: &Issued) -> Result<(), PkiError> {
    let (certificate, key) = (certificate_path(dir, name), key_path(dir, name));
    if let Some(path) = [&certificate, &key].into_iter().find(|path| path.exists()) {
        return Err(PkiError::Exists { path: path.clone() });
    }
    write_new(&key, issued.key_pem.as_bytes(), PRIVATE)?;
    write_new(&certificate, issued.certificate_pem.as_bytes(), PUBLIC)
}

/// Puts a new pair in the place of one that is there, which is kept in [`REPLACED`] under the serial number of its
/// certificate. A reader in between finds two that don't belong together, and looks again.
///
/// # Errors
/// The old pair is not there, or files can't be moved.
pub fn replace_pair(dir: &Path, name: &str, issued: &Issued) -> Result<(), PkiError> {
    let (certificate, key) = (certificate_path(dir, name), key_path(dir, name));
    let old = Certificate::from_pem(&certificate.display().to_string(), read(&certificate)?.as_bytes())?;
    let (kept, kept_in) = (format!("{name}.{}", old.serial()), dir.join(REPLACED));
    fs::create_dir_all(&kept_in).map_err(io_error("making", &kept_in))?;
    for (path, text, mode, kept) in [
        (&key, &issued.key_pem, PRIVATE, key_path(&kept_in, &kept)),
        (&certificate, &issued.certificate_pem, PUBLIC, certificate_path(&kept_in, &kept)),
    ] {
        let new = path.with_extension("new");
        // Of a renewal that was cut short; nobody has it.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("removing", &new)(error));
            }
            Ok(()) | Err(_) => {}
        }
        write_new(&new, text.as_bytes(), mode)?;
        fs::hard_link(path, &kept).map_err(io_error("keeping", path))?;
        fs::rename(&new, path).map_err(io_error("replacing", path))?;
    }
    Ok(())
}

/// Writes a secret that is no certificate's.
///
/// # Errors
/// The file is there already.
pub fn write_secret(path: &Path, text: &str) -> Result<(), PkiError> {
    write_new(path, text.as_bytes(), PRIVATE)
}

fn write_new(path: &Path, content: &[u8], mode: u32) -> Result<(), PkiError> {
    let mut file = create(path, mode).map_err(|error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            return PkiError::Exists { path: path.to_owned() };
        }
        io_error("making", path)(error)
    })?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(io_error("writing", path))
}

fn create(path: &Path, mode: u32) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}

fn read(path: &Path) -> Result<String, PkiError> {
    fs::read_to_string(path).map_err(io_error("reading", path))
}

fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PkiError {
    let path = path.to_owned();
    move |source| PkiError::Io { doing, path, source }
}
