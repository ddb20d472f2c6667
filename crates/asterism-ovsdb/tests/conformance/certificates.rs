//! A certificate authority for one test: RSA keys of 2,048 bits, as hosts have them.

use asterism_pki::{Keys, Subject};

const KEYS: Keys = Keys::Rsa { bits: 2048 };

pub struct Authority(asterism_pki::Authority);

/// A certificate and its key, both in PEM.
pub struct Issued {
    pub certificate: Vec<u8>,
    pub key: Vec<u8>,
}

impl Authority {
    pub fn new() -> Self {
        Self(asterism_pki::Authority::create_timeless("an authority", KEYS).unwrap())
    }

    pub fn pem(&self) -> Vec<u8> {
        self.0.certificate_pem().into()
    }

    pub fn issue(&self, name: &str) -> Issued {
        let subject = Subject::Other { name: name.to_owned(), names: vec![name.to_owned()], keys: KEYS };
        let issued = self.0.issue_timeless(&subject).unwrap();
        Issued { certificate: issued.certificate_pem.into(), key: issued.key_pem.into() }
    }
}
