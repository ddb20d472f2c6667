//! The fabric: two Linux bridges in a namespace of their own, the underlay that joins all hosts.
//!
//! One carries the tunnels (transport), one the management traffic (OVSDB, controllers), so that either can fail alone.
//! A node's *port* is the fabric's end of its cable. Faults live here too: a cable pulled (carrier gone), or frames that
//! vanish on the way (carrier stays), in one direction or between two nodes.

use std::collections::BTreeSet;
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use crate::address::{PREFIX, mac_of};
use crate::error::{LabError, Result};
use crate::netns::Netns;
use crate::tool::Tool;

/// Which of the two underlay networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Underlay {
    /// Tunnels: 10.20.0.0/16.
    Transport,
    /// OVSDB and controllers: 10.10.0.0/16.
    Management,
}

impl Underlay {
    pub const BOTH: [Self; 2] = [Self::Transport, Self::Management];

    fn bridge(self) -> &'static str {
        match self {
            Self::Transport => "transport",
            Self::Management => "mgmt",
        }
    }

    /// Last letter of the port's name in the fabric.
    fn letter(self) -> char {
        match self {
            Self::Transport => 't',
            Self::Management => 'm',
        }
    }
}

impl fmt::Display for Underlay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transport => "transport",
            Self::Management => "management",
        })
    }
}

impl FromStr for Underlay {
    type Err = LabError;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "transport" => Ok(Self::Transport),
            "management" => Ok(Self::Management),
            _ => Err(LabError::Invalid {
                what: format!("{text} is no underlay: valid are transport and management"),
            }),
        }
    }
}

/// Frames that vanish in the fabric while every carrier stays up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// All that this node sends.
    From { node: String, underlay: Underlay },
    /// All that is meant for this node.
    To { node: String, underlay: Underlay },
    /// IPv4 from the one to the other.
    Between { node: String, underlay: Underlay, to: Ipv4Addr },
}

impl Loss {
    fn rule(&self) -> String {
        match self {
            Self::From { node, underlay } => format!("iifname \"{}\" drop", port(node, *underlay)),
            Self::To { node, underlay } => format!("oifname \"{}\" drop", port(node, *underlay)),
            Self::Between { node, underlay, to } => {
                format!("iifname \"{}\" ip daddr {to} drop", port(node, *underlay))
            }
        }
    }

    pub(crate) fn touches(&self, of: &str) -> bool {
        match self {
            Self::From { node, .. } | Self::To { node, .. } | Self::Between { node, .. } => node == of,
        }
    }
}

/// Both underlay networks and what is wrong with them.
#[derive(Debug)]
pub struct Fabric {
    netns: Netns,
    losses: BTreeSet<Loss>,
}

impl Fabric {
    /// # Errors
    /// When the namespace or the bridges cannot be made.
    pub fn build() -> Result<Self> {
        let netns = Netns::create("fabric")?;
        let lines: String = Underlay::BOTH
            .map(|underlay| {
                let bridge = underlay.bridge();
                // Frames flow at once, and every multicast is flooded, as by a plain switch.
                format!(
                    "link add {bridge} type bridge forward_delay 0 stp_state 0 mcast_snooping 0\n\
                     link set {bridge} up\n"
                )
            })
            .concat();
        netns.ip("making the underlay bridges", lines)?;
        Ok(Self { netns, losses: BTreeSet::new() })
    }

    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    /// Plugs `node` into an underlay: `interface` appears in its namespace, without an address there.
    ///
    /// # Errors
    /// When `ip` refuses.
    pub fn plug(&self, node: &Netns, underlay: Underlay, interface: &str, address: Ipv4Addr) -> Result<()> {
        let (port, mac) = (port(node.name(), underlay), mac_of(address));
        let lines = format!(
            "link add {port} type veth peer name {interface} address {mac} netns {}\n\
             link set {port} master {} up\n",
            node.name(),
            underlay.bridge(),
        );
        self.netns.ip(&format!("plugging {} into {underlay}", node.name()), lines)
    }

    /// Plugs `node` in and gives the interface its address there.
    ///
    /// # Errors
    /// When `ip` refuses.
    pub fn attach(&self, node: &Netns, underlay: Underlay, interface: &str, address: Ipv4Addr) -> Result<()> {
        self.plug(node, underlay, interface, address)?;
        node.ip(
            "addressing",
            format!("addr add {address}/{PREFIX} dev {interface}\nlink set {interface} up\n"),
        )
    }

    /// Pulls a cable: the carrier goes at both ends.
    ///
    /// # Errors
    /// When the node has no such cable.
    pub fn pull(&self, node: &str, underlay: Underlay) -> Result<()> {
        self.set_link(node, underlay, "down")
    }

    /// Puts a cable back.
    ///
    /// # Errors
    /// When the node has no such cable.
    pub fn put_back(&self, node: &str, underlay: Underlay) -> Result<()> {
        self.set_link(node, underlay, "up")
    }

    /// Lets frames vanish, in addition to what vanishes already.
    ///
    /// # Errors
    /// When nftables refuses.
    pub fn lose(&mut self, loss: Loss) -> Result<()> {
        self.losses.insert(loss);
        self.apply_losses()
    }

    /// Ends every loss that starts at `node`, or that takes all that is meant for it.
    ///
    /// # Errors
    /// When nftables refuses.
    pub fn stop_losing(&mut self, node: &str) -> Result<()> {
        self.end_losses(|loss| loss.touches(node))
    }

    /// Ends the losses that `which` chooses.
    ///
    /// # Errors
    /// When nftables refuses.
    pub fn end_losses(&mut self, which: impl Fn(&Loss) -> bool) -> Result<()> {
        self.losses.retain(|loss| !which(loss));
        self.apply_losses()
    }

    fn set_link(&self, node: &str, underlay: Underlay, state: &str) -> Result<()> {
        let line = format!("link set {} {state}\n", port(node, underlay));
        self.netns.ip(&format!("setting the {underlay} cable of {node} {state}"), line)
    }

    /// Writes the whole rule set anew, in one nftables transaction: it cannot drift from what we hold.
    fn apply_losses(&self) -> Result<()> {
        let rules: String = self.losses.iter().map(|loss| format!("    {};\n", loss.rule())).collect();
        let script = format!(
            "table bridge losses\ndelete table bridge losses\n\
             table bridge losses {{\n  chain forward {{\n    type filter hook forward priority 0;\n{rules}  }};\n}}\n"
        );
        Tool::new("nft").args(["-f", "-"]).inside(&self.netns).input(script).run("setting losses").map(drop)
    }
}

/// Name of the fabric's end of a node's cable; at most 15 bytes, as Linux allows.
fn port(node: &str, underlay: Underlay) -> String {
    format!("{node}{}", underlay.letter())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_host_name_still_makes_a_port_name() {
        let node = crate::address::HostName::new(249, 254).flat();
        assert!(port(&node, Underlay::Transport).len() <= 15);
    }

    #[test]
    fn a_loss_names_its_direction() {
        let underlay = Underlay::Transport;
        let from = Loss::From { node: "p1h1".into(), underlay };
        let to = Loss::To { node: "p1h1".into(), underlay };
        assert_eq!(from.rule(), "iifname \"p1h1t\" drop");
        assert_eq!(to.rule(), "oifname \"p1h1t\" drop");
    }
}
