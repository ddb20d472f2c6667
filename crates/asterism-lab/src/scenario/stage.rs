//! The laboratory of one run, and every verb of the language but `measure`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::roles::{Picture, Roles};
use super::steer::steer;
use super::words::{Cable, CableOf, HostVerb, LabSize, NetworkWords, Power, Scenario, Verb, Who};
use crate::address::HostName;
use crate::cluster::TRANSPORT;
use crate::error::{LabError, Result};
use crate::fabric::{Loss, Underlay};
use crate::host::{BridgeRef, Daemons, Host, HostState};
use crate::lab::Lab;
use crate::vm::{Cidr, MTU_DEFAULT, VmSpec};
use crate::wait;

/// Longest that anything may take before it counts as not coming at all.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);
/// Time between two questions whether all is settled: each is a process, and the machine has better things to do.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

pub(super) struct Stage {
    pub(super) lab: Lab,
    pub(super) roles: Roles,
    pub(super) named: BTreeMap<String, HostName>,
    /// Networks and their ids, in the order of their making.
    networks: Vec<(String, u32)>,
    drained: BTreeSet<HostName>,
    controllers_run: bool,
    is_long: bool,
}

impl Stage {
    pub(super) fn build(scenario: &Scenario, is_long: bool) -> Result<Self> {
        let LabSize { pools, hosts, controllers } = scenario.size;
        let lab = Lab::builder().pools(pools).hosts(hosts).controllers(controllers).build()?;
        let controllers_run = controllers > 0;
        if controllers_run {
            lab.found_cluster()?;
        }
        let (roles, named, networks, drained) = Default::default();
        Ok(Self { lab, roles, named, networks, drained, controllers_run, is_long })
    }

    /// Hosts whose daemons run.
    pub(super) fn living(&self) -> BTreeSet<HostName> {
        let running = self.lab.hosts().filter(|host| host.state() == HostState::Running);
        running.map(Host::name).collect()
    }

    /// Looks who is what, if there is anybody to ask; what was seen last holds until then.
    pub(super) fn look(&mut self) -> Result<()> {
        if self.controllers_run
            && let Some((network, _)) = self.networks.first()
        {
            self.roles = Roles::of(&self.lab.ask_json::<Picture>(&["topology", network])?);
        }
        Ok(())
    }

    /// Whom a word means, as of the last look.
    pub(super) fn host(&self, who: &Who) -> Result<HostName> {
        let found = self.roles.host(who, &self.named, &self.living());
        found.map_err(|what| LabError::Invalid { what })
    }

    /// Who is meant by a verb that befalls a host, as in `center outer is p2/h1`.
    pub(super) fn meant(&self, verb: &Verb) -> Option<String> {
        let (Verb::Host(_, who)
        | Verb::Cable(.., who)
        | Verb::Drain(who)
        | Verb::Undrain(who)
        | Verb::MoveCenter(who)) = verb
        else {
            return None;
        };
        Some(format!("{who} is {}", self.host(who).ok()?))
    }

    pub(super) fn take(&mut self, verb: &Verb) -> Result<()> {
        match verb {
            Verb::Network(words) => self.create(words),
            Verb::Vms { in_all } => self.add_vms(*in_all),
            Verb::Let { name, who } => {
                let host = self.host(who)?;
                self.named.insert(name.clone(), host);
                Ok(())
            }
            Verb::Host(verb, who) => self.befall(*verb, self.host(who)?),
            Verb::Path(cable, from, to) => self.path(*cable, self.host(from)?, self.host(to)?),
            Verb::Cable(cable, which, who) => {
                let underlay = match which {
                    CableOf::Transport => Underlay::Transport,
                    CableOf::Management => Underlay::Management,
                };
                let host = self.host(who)?;
                match cable {
                    Cable::Cut => self.lab.cut(host, underlay),
                    Cable::Mend => self.lab.restore(host, underlay),
                }
            }
            Verb::Controllers(power) => self.power(*power),
            Verb::Drain(who) => {
                let host = self.host(who)?;
                self.drained.insert(host);
                self.ask(&["host", "drain", &host.to_string()])
            }
            Verb::Undrain(who) => {
                let host = self.host(who)?;
                self.drained.remove(&host);
                self.ask(&["host", "undrain", &host.to_string()])
            }
            Verb::MoveCenter(who) => {
                let host = self.host(who)?.to_string();
                self.ask(&["network", "move-center", &self.first_network()?, "--to", &host])
            }
            Verb::MovePoolCenter(pool) => {
                let number = self.roles.pool(*pool).map_err(|what| LabError::Invalid { what })?;
                let pool = format!("p{number}");
                self.ask(&["network", "move-pool-center", &self.first_network()?, "--to", &pool])
            }
            Verb::Set(options) => {
                let words = flags(options);
                let words = words.iter().map(String::as_str);
                let network = self.first_network()?;
                self.ask(&["network", "update", &network].into_iter().chain(words).collect::<Vec<_>>())
            }
            Verb::Grow { pool, hosts } => self.grow(*pool, *hosts),
            Verb::Steer => self.steer(),
            Verb::Sleep { short, long } => {
                wait::pause(if self.is_long { *long } else { *short });
                Ok(())
            }
            Verb::WaitSettled => self.wait_settled(),
            Verb::Measure(measure) => Err(LabError::Invalid {
                what: format!("measure {:?} stands in the event of another", measure.title),
            }),
        }
    }

    fn create(&mut self, words: &NetworkWords) -> Result<()> {
        let pools = words.pools.iter().flat_map(|pool| ["--pool".to_owned(), format!("p{pool}:{TRANSPORT}")]);
        let options: Vec<String> = pools.chain(flags(&words.options)).collect();
        for number in 1..=words.count {
            let name = if words.count == 1 { words.name.clone() } else { format!("{}{number}", words.name) };
            let head = ["network", "create", &name, "--wait", "committed"].map(str::to_owned);
            let all: Vec<String> = head.into_iter().chain(options.iter().cloned()).collect();
            self.lab.asterctl_ok(&all.iter().map(String::as_str).collect::<Vec<_>>())?;
            let id = self.lab.network(&name)?.id;
            self.networks.push((name, id));
        }
        self.wait_settled()
    }

    fn add_vms(&mut self, in_all: bool) -> Result<()> {
        let hosts: Vec<HostName> = self.living().into_iter().collect();
        let networks =
            if in_all { self.networks.as_slice() } else { self.networks.get(..1).unwrap_or_default() };
        for (number, (network, id)) in (1..).zip(networks.to_vec()) {
            for host in &hosts {
                let spec = vm(number, &network, id, *host);
                if self.lab.vm(&spec.name).is_err() {
                    self.lab.add_vm(spec)?;
                }
            }
        }
        Ok(())
    }

    fn befall(&mut self, verb: HostVerb, host: HostName) -> Result<()> {
        match verb {
            HostVerb::Kill => self.lab.kill_host(host),
            HostVerb::Revive => self.lab.revive_host(host),
            HostVerb::Reboot => {
                self.lab.reboot_host(host)?;
                self.lab.replug_vms(host)
            }
            HostVerb::Freeze => self.lab.freeze(host, Daemons::Both),
            HostVerb::Thaw => self.lab.thaw(host),
        }
    }

    /// Frames between two hosts' transport addresses vanish both ways, or no longer do.
    fn path(&mut self, cable: Cable, one: HostName, other: HostName) -> Result<()> {
        let way = |from: HostName, to: HostName| Loss::Between {
            node: from.flat(),
            underlay: Underlay::Transport,
            to: to.transport(),
        };
        let ways = [way(one, other), way(other, one)];
        match cable {
            Cable::Cut => ways.into_iter().try_for_each(|loss| self.lab.lose(loss)),
            Cable::Mend => self.lab.end_losses(|loss| ways.contains(loss)),
        }
    }

    fn power(&mut self, power: Power) -> Result<()> {
        if power == Power::Stop {
            self.look()?;
        }
        let nodes: Vec<u8> = self.lab.controllers().map(crate::controller::Controller::node).collect();
        for node in nodes {
            match power {
                Power::Stop => self.lab.controller_mut(node)?.kill()?,
                Power::Start => self.lab.controller_mut(node)?.start()?,
            }
        }
        self.controllers_run = power == Power::Start;
        if self.controllers_run {
            self.lab.wait_for_leader(PATIENCE)?;
        }
        Ok(())
    }

    fn grow(&mut self, pool: u8, hosts: u8) -> Result<()> {
        while self.lab.hosts().filter(|host| host.name().pool == pool).count() < usize::from(hosts) {
            let name = self.lab.add_host(pool)?;
            self.lab.register_host(name)?;
        }
        Ok(())
    }

    fn steer(&self) -> Result<()> {
        let (living, network) = (self.living(), self.networks.first().map_or(0, |(_, id)| *id));
        let uplinks = self.roles.preferred_uplinks().into_iter();
        let mut uplinks = uplinks.filter(|(host, peer)| living.contains(host) && living.contains(peer));
        uplinks.try_for_each(|(host, peer)| steer(&self.lab, host, peer, network))
    }

    fn wait_settled(&self) -> Result<()> {
        let living = self.living();
        let able = &living - &self.drained;
        wait::until_every("all is settled", PATIENCE, LOOK_AGAIN, || {
            let pictures: Vec<Picture> =
                self.lab.ask_json_list(&["topology"]).map_err(|error| error.chain())?;
            let open = pictures.iter().find_map(|picture| picture.unsettled(&able, &living));
            match open {
                Some(problem) => Err(problem),
                None if pictures.len() == self.networks.len() => Ok(()),
                None => Err(format!("{} networks", pictures.len())),
            }
        })
    }

    fn first_network(&self) -> Result<String> {
        let first = self.networks.first().map(|(name, _)| name.clone());
        first.ok_or_else(|| LabError::Invalid { what: "there is no network yet".into() })
    }

    fn ask(&self, words: &[&str]) -> Result<()> {
        let patience = format!("{}s", PATIENCE.as_secs() - 10); // less than the laboratory's own for a process
        self.lab.asterctl_ok(&[words, &["--wait-timeout", &patience]].concat()).map(drop)
    }
}

/// `--key value` of each option.
fn flags(options: &[(String, String)]) -> Vec<String> {
    options.iter().flat_map(|(key, value)| [format!("--{key}"), value.clone()]).collect()
}

/// The VM of the n-th network on a host; its address follows from the host alone, so that networks share addresses.
fn vm(number: u16, network: &str, id: u32, host: HostName) -> VmSpec {
    VmSpec {
        name: format!("n{number}-{}", host.flat()),
        host,
        network: network.into(),
        bridge: BridgeRef::OfNetwork(id),
        cidr: Cidr::new([172, 16, host.pool, host.host].into(), 16),
        mtu: MTU_DEFAULT,
    }
}
