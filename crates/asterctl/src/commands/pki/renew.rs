//! `asterctl pki renew`

use std::path::Path;

use anyhow::Result;
use asterism_model::Name;
use asterism_pki::{Authority, Certificate, DAY, Subject, files};
use clap::Args;

use super::{DirArgs, now, problem, show::certificates_in, unreadable};
use crate::{
    exit::{Problem, usage},
    output,
};

/// Makes certificates anew, each with a new key, for the same holder and as long again.
///
/// Without names: those that end soon, which is when a third of their life is left, or thirty days of a long one. What was there
/// is kept in DIR/replaced. Copy the new files over the old ones: asterismd takes them up within seconds, without a restart.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl pki renew
  asterctl pki renew alice --days 60
  asterctl pki renew node2 --address 10.0.0.22")]
pub struct Renew {
    /// Certificates in DIR, by their files' names without the ending
    #[arg(value_name = "NAME")]
    names: Vec<Name>,

    /// Another IP address or DNS name of a node in the place of those that it had; again for more
    #[arg(long = "address", value_name = "ADDRESS", requires = "names")]
    addresses: Vec<String>,

    /// How long they last, in days [default: as before]
    #[arg(long, value_name = "DAYS")]
    days: Option<i64>,

    #[command(flatten)]
    dir: DirArgs,
}

impl Renew {
    pub fn run(self) -> Result<()> {
        let dir = &self.dir.dir;
        let authority = files::open_authority(dir).map_err(problem)?;
        let names = if self.names.is_empty() { ending_soon(dir)? } else { self.names.clone() };
        if names.is_empty() {
            output::notice(&format!("no certificate in {} ends soon", dir.display()));
            return Ok(());
        }
        let renewed = names.iter().map(|name| self.renew(&authority, name.as_str()));
        let renewed = renewed.collect::<Result<Vec<_>>>()?;
        self.dir.tell(&renewed)
    }

    fn renew(&self, authority: &Authority, name: &str) -> Result<String> {
        let dir = &self.dir.dir;
        if name == files::AUTHORITY {
            return Err(usage(
                "the authority is not renewed: make another in another --dir, have all trust both (OPERATIONS, `Certificates`), \
                 and issue anew",
            ));
        }
        let old = read(dir, name)?;
        let authority_certificate = read(dir, files::AUTHORITY)?;
        if !old.is_signed_by(&authority_certificate) {
            let text = format!("{name}.pem is not signed by the authority in {}", dir.display());
            return Err(Problem::Certificate(text).into());
        }
        let subject = self.subject(name, &old)?;
        let now = now();
        let most = (authority_certificate.ends() - now) / DAY;
        let as_before = (old.ends() - old.starts()) / DAY;
        let days = self.days.unwrap_or_else(|| as_before.min(most).max(1));
        let issued = authority.issue(&subject, now, days).map_err(problem)?;
        files::replace_pair(dir, name, &issued).map_err(problem)?;
        Ok(name.to_owned())
    }

    fn subject(&self, name: &str, old: &Certificate) -> Result<Subject> {
        let expected = "a node's, a caller's, or the one for hosts' databases";
        let subject = Subject::of(old).ok_or_else(|| {
            usage(format!("{name}.pem is for nobody that is known here; expected {expected}"))
        })?;
        match (subject, self.addresses.is_empty()) {
            (subject, true) => Ok(subject),
            (Subject::Node { node, .. }, false) => {
                Ok(Subject::Node { node, addresses: self.addresses.clone() })
            }
            (Subject::Caller { .. } | Subject::Ovsdb | Subject::Other { .. }, false) => {
                Err(usage(format!("--address: {name}.pem is not a node's")))
            }
        }
    }
}

fn ending_soon(dir: &Path) -> Result<Vec<Name>> {
    let now = now();
    let mut found = Vec::new();
    for path in certificates_in(dir)? {
        let name = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse::<Name>().ok());
        let Some(name) = name.filter(|name| name.as_str() != files::AUTHORITY) else { continue };
        if read(dir, name.as_str())?.ends_soon(now) {
            found.push(name);
        }
    }
    Ok(found)
}

fn read(dir: &Path, name: &str) -> Result<Certificate> {
    let path = files::certificate_path(dir, name);
    let content = std::fs::read(&path).map_err(|error| unreadable(&path, &error))?;
    Certificate::from_pem(&path.display().to_string(), &content).map_err(problem)
}
