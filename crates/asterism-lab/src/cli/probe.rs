//! `asterism-lab probe`.

use anyhow::{Context, Result};
use clap::Args;

use super::wire::Request;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  asterism-lab probe                                  all pairs of each network for 5 s, every 10 ms
  asterism-lab probe --seconds 30 --interval-ms 100
  asterism-lab probe --pair v1:v4 --pair v2:v3
  asterism-lab probe --ring                           each VM to the next only: cheaper with many VMs")]
pub(crate) struct ProbeCommand {
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Milliseconds between two probes of a pair
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    interval_ms: u64,
    /// Only this pair of VMs (may be repeated)
    #[arg(long, value_name = "FROM:TO", value_parser = pair)]
    pair: Vec<(String, String)>,
    /// Each VM to the next of its network, in place of all pairs
    #[arg(long, conflicts_with = "pair")]
    ring: bool,
}

impl ProbeCommand {
    pub(super) fn request(self) -> Request {
        Request::Probe {
            seconds: self.seconds,
            interval_ms: self.interval_ms,
            ring: self.ring,
            pairs: self.pair,
        }
    }
}

fn pair(text: &str) -> Result<(String, String)> {
    let (from, to) =
        text.split_once(':').with_context(|| format!("{text}: expected FROM:TO, such as v1:v4"))?;
    Ok((from.to_owned(), to.to_owned()))
}
