//! The operator's machine: a namespace on the management network in which the real `asterctl` runs.

use std::net::SocketAddrV4;
use std::time::Duration;

use asterism_model::AccessRole;
use asterism_pki::Subject;

use crate::address::OPERATOR;
use crate::binaries;
use crate::error::{LabError, Result};
use crate::fabric::{Fabric, Underlay};
use crate::netns::Netns;
use crate::pki::{Authority, Identity};
use crate::tool::{Output, Tool};

/// Longest that one `asterctl` may take: a little more than its own `--wait` would.
const DEADLINE: Duration = Duration::from_secs(90);

/// The operator.
#[derive(Debug)]
pub struct Operator {
    netns: Netns,
    identity: Identity,
}

impl Operator {
    /// # Errors
    /// When namespace or certificate cannot be made.
    pub fn build(fabric: &Fabric, authority: &Authority) -> Result<Self> {
        let netns = Netns::create("operator")?;
        fabric.attach(&netns, Underlay::Management, "eth0", OPERATOR)?;
        let name = "operator".parse().expect("a name of letters is valid");
        // Of the role that may do all: the laboratory changes the cluster itself, too.
        let subject = Subject::Caller { name, role: AccessRole::Admin };
        let identity = authority.issue_to("operator", &subject)?;
        Ok(Self { netns, identity })
    }

    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    /// Runs `asterctl` with these words against these endpoints, whatever its exit code.
    ///
    /// # Errors
    /// When the program is not built, or does not end within 90 s.
    pub fn asterctl(&self, endpoints: &[SocketAddrV4], args: &[&str]) -> Result<Output> {
        let tool = Tool::new(binaries::find("asterctl")?).args(args).inside(&self.netns).deadline(DEADLINE);
        let tool =
            self.environment(endpoints).into_iter().fold(tool, |tool, (key, value)| tool.env(key, value));
        tool.output(format!("asterctl {}", args.join(" ")))
    }

    /// The same, and a failure is an error; gives what it printed on standard output.
    ///
    /// # Errors
    /// As above, and [`LabError::Command`] with what it said on standard error.
    pub fn asterctl_ok(&self, endpoints: &[SocketAddrV4], args: &[&str]) -> Result<String> {
        let output = self.asterctl(endpoints, args)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(LabError::Command {
            doing: "asking the controllers".into(),
            command: format!("asterctl {}", args.join(" ")),
            status: output.status.to_string(),
            stderr: output.stderr.trim().to_owned(),
        })
    }

    /// The environment in which `asterctl` needs no flags.
    pub fn environment(&self, endpoints: &[SocketAddrV4]) -> Vec<(&'static str, String)> {
        let endpoints: Vec<_> = endpoints.iter().map(ToString::to_string).collect();
        vec![
            ("ASTERISM_ENDPOINTS", endpoints.join(",")),
            ("ASTERISM_CA", self.identity.ca.display().to_string()),
            ("ASTERISM_CERT", self.identity.cert.display().to_string()),
            ("ASTERISM_KEY", self.identity.key.display().to_string()),
        ]
    }
}
