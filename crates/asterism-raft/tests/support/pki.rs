//! A certificate authority for one test.

use asterism_model::NodeId;
use asterism_pki::{Authority, Issued, Keys, Subject};

pub struct Pki {
    pub ca: String,
    authority: Authority,
}

/// A certificate and its key, as PEM.
pub type Certified = Issued;

impl Pki {
    pub fn new() -> Self {
        let authority = Authority::create_timeless("a test's authority", Keys::Ecdsa).unwrap();
        Self { ca: authority.certificate_pem().to_owned(), authority }
    }

    pub fn node(&self, node: u64) -> Certified {
        let addresses = vec!["127.0.0.1".to_owned()];
        self.authority.issue_timeless(&Subject::Node { node: NodeId(node), addresses }).unwrap()
    }
}
