//! What goes wrong with certificates. Keys are never told.

use std::{io, path::PathBuf};

/// Why there is no such certificate.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    #[error("{doing}")]
    Make {
        doing: &'static str,
        #[source]
        source: rcgen::Error,
    },
    #[error("{doing}")]
    OpenSsl {
        doing: &'static str,
        #[source]
        source: openssl::error::ErrorStack,
    },
    #[error("{what} holds no certificate; expected one in PEM")]
    NoCertificate { what: String },
    #[error("the key is not the one of the authority's certificate")]
    OtherKey,
    #[error("the certificate is no authority's: it may not sign others")]
    NoAuthority,
    #[error("`{text}` is not a node's address; expected an IP address or a DNS name")]
    Address { text: String },
    #[error("{days} days are not valid; expected 1 to {most}: the authority itself ends then")]
    Days { days: i64, most: i64 },
    #[error("the authority's certificate has ended")]
    AuthorityEnded,
    #[error("`{name}` is named twice; expected a name or an id of its own each")]
    Twice { name: String },
    #[error("{} is there already, and nothing is overwritten", .path.display())]
    Exists { path: PathBuf },
    #[error("{} can be read by others; expected a file that is its owner's only, as `chmod 600` makes it", .path.display())]
    Exposed { path: PathBuf },
    #[error("{doing} {}", .path.display())]
    Io {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}
