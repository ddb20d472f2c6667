//! A cluster on loopback, and the program run against it.

use std::{
    path::PathBuf,
    process::{Command, Output},
};

use asterism_api::{SERVER_NAME, testing::FakeCluster};
use asterism_pki::{Authority, Keys, Subject};
use expect_test::Expect;
use tempfile::TempDir;
use tonic::transport::{Certificate, Identity, ServerTlsConfig};

/// A cluster, and an operator's certificates in a directory.
pub struct Setup {
    pub cluster: FakeCluster,
    files: TempDir,
}

impl Setup {
    pub async fn new(replicas: usize) -> Self {
        let authority = Authority::create_timeless("a test's authority", Keys::Ecdsa).unwrap();
        let issue = |name: &str| {
            let names = vec![name.to_owned()];
            let subject = Subject::Other { name: name.to_owned(), names, keys: Keys::Ecdsa };
            let issued = authority.issue_timeless(&subject).unwrap();
            (issued.certificate_pem, issued.key_pem)
        };
        let files = tempfile::tempdir().unwrap();
        let (certificate, key) = issue("operator.asterism");
        for (name, pem) in
            [("ca.pem", authority.certificate_pem().to_owned()), ("cert.pem", certificate), ("key.pem", key)]
        {
            std::fs::write(files.path().join(name), pem).unwrap();
        }
        let (certificate, key) = issue(SERVER_NAME);
        let tls = ServerTlsConfig::new()
            .identity(Identity::from_pem(certificate, key))
            .client_ca_root(Certificate::from_pem(authority.certificate_pem()));
        Self { cluster: FakeCluster::start_with(replicas, Some(tls)).await, files }
    }

    pub async fn run(&self, words: &str) -> Output {
        self.run_with(words, &[]).await
    }

    /// The same with further variables in its environment.
    pub async fn run_with(&self, words: &str, variables: &[(&str, &str)]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_asterctl"));
        command
            .args(words.split_whitespace())
            .envs(variables.iter().copied())
            .env("ASTERISM_ENDPOINTS", self.cluster.endpoints().join(","))
            .env("ASTERISM_CA", self.path("ca.pem"))
            .env("ASTERISM_CERT", self.path("cert.pem"))
            .env("ASTERISM_KEY", self.path("key.pem"));
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    /// Runs, and shows all that comes of it, with what differs from run to run replaced.
    pub async fn check(&self, words: &str, expected: Expect) {
        let output = self.run(words).await;
        let mut shown = format!("exit {}\n", output.status.code().unwrap());
        for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            if !bytes.is_empty() {
                shown.push_str(&format!("{name}:\n{}", String::from_utf8_lossy(bytes)));
            }
        }
        for (index, address) in self.cluster.endpoints().iter().enumerate() {
            shown = shown.replace(address, &format!("REPLICA{}", index + 1));
        }
        expected.assert_eq(&shown);
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }
}
