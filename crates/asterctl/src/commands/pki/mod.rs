//! `asterctl pki`: the certificates of a cluster, made where its authority is kept. Asks no replica.

mod init;
mod issue;
mod renew;
mod show;

use std::path::PathBuf;

use anyhow::Result;
use asterism_pki::{Certificate, PkiError, files};
use clap::{Args, Subcommand};

use crate::{
    exit::Problem,
    output::{self, Format, OutputArgs},
    view::certificate::{CertificateView, CertificatesView},
};

use init::Init;
use issue::Issue;
use renew::Renew;
use show::Show;

#[derive(Debug, Subcommand)]
pub enum Verb {
    Init(Init),
    Issue(Issue),
    Renew(Renew),
    Show(Show),
}

impl Verb {
    pub fn run(self) -> Result<()> {
        match self {
            Self::Init(init) => init.run(),
            Self::Issue(issue) => issue.run(),
            Self::Renew(renew) => renew.run(),
            Self::Show(show) => show.run(),
        }
    }
}

/// Where certificates are, of every verb.
#[derive(Debug, Clone, Args)]
struct DirArgs {
    /// Where the authority and its certificates are
    #[arg(long, value_name = "DIR", default_value = "certificates")]
    dir: PathBuf,

    #[command(flatten)]
    output: OutputArgs,
}

impl DirArgs {
    /// What was made.
    fn tell(&self, names: &[String]) -> Result<()> {
        let paths = names.iter().map(|name| files::certificate_path(&self.dir, name));
        show(self.output.output, &paths.collect::<Vec<_>>()).map(drop)
    }
}

/// Shows certificates, and gives how they stand.
fn show(format: Format, paths: &[PathBuf]) -> Result<Vec<CertificateView>> {
    let now = now();
    let read = paths.iter().map(|path| {
        let content = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
        let file = path.display().to_string();
        let certificate = Certificate::from_pem(&file, &content).map_err(problem)?;
        Ok(CertificateView::new(file, &certificate, now))
    });
    let certificates = read.collect::<Result<Vec<_>>>()?;
    let view = CertificatesView { certificates };
    output::data(&output::item(format, None, &view)?)?;
    Ok(view.certificates)
}

fn unreadable(path: &std::path::Path, error: &std::io::Error) -> anyhow::Error {
    Problem::Certificate(format!("{} can't be read: {error}", path.display())).into()
}

/// Whatever is wrong with certificates has one exit code.
fn problem(error: PkiError) -> anyhow::Error {
    Problem::Certificate(asterism_model::chain(&error)).into()
}

/// Seconds since the Unix epoch.
#[allow(clippy::disallowed_methods)] // certificates are made by this machine's clock
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
