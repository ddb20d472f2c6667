//! Answers the commands that come from other terminals, one thread each, one at a time on the laboratory itself.

use std::fmt::Write as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use asterism_lab::probe::ProbePlan;
use asterism_lab::{BridgeRef, Daemons, HostName, Lab, LabError, Underlay, VmSpec, wait};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

use super::wire::{self, Answer, Location, Request};
/// A laboratory that several terminals work on.
pub(super) struct Server {
    lab: Mutex<Lab>,
    init_pid: u32,
    since: Instant,
}

impl Server {
    pub(super) fn new(lab: Lab, init_pid: u32) -> Arc<Self> {
        Arc::new(Self { lab: Mutex::new(lab), init_pid, since: Instant::now() })
    }

    /// Serves until the process ends.
    pub(super) fn serve(self: &Arc<Self>, listener: &UnixListener) -> Result<()> {
        loop {
            let (stream, _) = listener.accept().context("waiting for commands")?;
            let server = Arc::clone(self);
            thread::spawn(move || server.handle(&stream));
        }
    }

    fn handle(&self, stream: &UnixStream) {
        // An abstract socket has no permissions: whoever started the laboratory is user 0 inside, whoever else is not.
        if !getsockopt(stream, PeerCredentials).is_ok_and(|peer| peer.uid() == 0) {
            drop(wire::send(stream, &Answer::Refused("this laboratory belongs to another user".into())));
            return;
        }
        let answer = wire::receive(stream).and_then(|request| {
            let ends = matches!(request, Request::Down);
            let answer = self.answer(request)?;
            Ok((answer, ends))
        });
        let (answer, ends) = answer.unwrap_or_else(|error| (Answer::Refused(format!("{error:#}")), false));
        // A terminal that is gone has no use for its answer.
        drop(wire::send(stream, &answer));
        if ends {
            process::exit(0); // the sandbox goes with us
        }
    }

    fn lab(&self) -> MutexGuard<'_, Lab> {
        self.lab.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: Request) -> Result<Answer> {
        let text = match request {
            Request::Status => self.status()?,
            Request::Locate { node } => return self.locate(&node).map(Answer::Located),
            Request::AddVm { name, host, network, bridge, address, mtu } => {
                self.add_vm(name, &host, network, bridge, &address, mtu)?
            }
            Request::MoveVm { name, host } => {
                self.lab().move_vm(&name, host.parse()?)?;
                format!("{name} is on {host}")
            }
            Request::Probe { seconds, interval_ms, ring, pairs } => {
                self.probe(seconds, interval_ms, ring, &pairs)?
            }
            Request::Cable { node, link, pulled } => self.cable(&node, &link, pulled)?,
            Request::Freeze { node, ovsdb_only } => {
                let which = if ovsdb_only { Daemons::Ovsdb } else { Daemons::Both };
                self.each(
                    &node,
                    |lab, host| lab.freeze(host, which),
                    |lab, node| lab.controller_mut(node)?.pause(),
                )?;
                format!("{node} is frozen")
            }
            Request::Thaw { node } => {
                self.each(&node, Lab::thaw, |lab, node| lab.controller_mut(node)?.resume())?;
                format!("{node} goes on")
            }
            Request::Kill { node } => {
                self.each(&node, Lab::kill_host, |lab, node| lab.controller_mut(node)?.kill())?;
                format!("{node} is dead")
            }
            Request::Start { node } => {
                self.each(&node, Lab::revive_host, |lab, node| lab.controller_mut(node)?.start())?;
                format!("{node} runs")
            }
            Request::Reboot { node } => self.reboot(&node)?,
            Request::AddHost { pool, mute, register } => self.add_host(&pool, mute, register)?,
            Request::Rows { node } => {
                serde_json::to_string_pretty(&self.lab().host(node.parse()?)?.rows()?.tables)?
            }
            Request::Down => "ended; nothing is left behind".into(),
        };
        Ok(Answer::Text(text))
    }

    fn status(&self) -> Result<String> {
        let mut lab = self.lab();
        let mut text = format!("up for {} s\n\n", self.since.elapsed().as_secs());
        writeln!(text, "{:<8} {:<10} {:<14} {:<22} BRIDGES", "HOST", "STATE", "TRANSPORT", "OVSDB")?;
        for host in lab.hosts() {
            let state = format!("{:?}", host.state());
            let bridges = host.vsctl().bridges().map_or_else(|_| "?".into(), |bridges| bridges.join(" "));
            let name = host.name();
            writeln!(
                text,
                "{:<8} {state:<10} {:<14} {:<22} {bridges}",
                name.to_string(),
                name.transport(),
                host.ovsdb_remote()
            )?;
        }
        if lab.vms().next().is_some() {
            writeln!(text, "\n{:<12} {:<8} {:<12} ADDRESS", "VM", "HOST", "NETWORK")?;
        }
        for vm in lab.vms() {
            let spec = vm.spec();
            writeln!(
                text,
                "{:<12} {:<8} {:<12} {}",
                vm.name(),
                vm.host().to_string(),
                spec.network,
                spec.cidr
            )?;
        }
        let nodes: Vec<u8> = lab.controllers().map(asterism_lab::Controller::node).collect();
        if !nodes.is_empty() {
            writeln!(text, "\n{:<12} {:<10} ENDPOINT", "CONTROLLER", "STATE")?;
        }
        for node in nodes {
            let controller = lab.controller_mut(node)?;
            let state = format!("{:?}", controller.state());
            writeln!(text, "{:<12} {state:<10} {}", format!("c{node}"), controller.endpoint())?;
        }
        Ok(text.trim_end().to_owned())
    }

    fn locate(&self, node: &str) -> Result<Location> {
        let mut lab = self.lab();
        let netns = lab.netns(node)?.name().to_owned();
        let host = node.parse::<HostName>().ok().and_then(|name| lab.host(name).ok());
        let of_host = host.map(|host| (host.environment(), host.dir().join("ovs-vswitchd.log")));
        let (environment, log) = match (of_host, controller_number(node)) {
            (Some((environment, log)), _) => (environment, Some(log)),
            (None, Some(number)) => {
                (Vec::new(), lab.controller_mut(number).ok().map(|controller| controller.log()))
            }
            (None, None) if node == "operator" => (lab.operator_environment(), None),
            (None, None) => (Vec::new(), None),
        };
        Ok(Location {
            init_pid: self.init_pid,
            netns,
            environment: environment.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            log: log.map(|path| path.display().to_string()),
        })
    }

    fn add_vm(
        &self,
        name: String,
        host: &str,
        network: String,
        bridge: Option<String>,
        address: &str,
        mtu: u16,
    ) -> Result<String> {
        let mut lab = self.lab();
        let bridge = match bridge {
            Some(bridge) => BridgeRef::Named(bridge),
            None => BridgeRef::OfNetwork(lab.network(&network)?.id),
        };
        let spec =
            VmSpec { name: name.clone(), host: host.parse()?, network, bridge, cidr: address.parse()?, mtu };
        lab.add_vm(spec)?;
        Ok(format!("{name} runs on {host}"))
    }

    fn probe(
        &self,
        seconds: f64,
        interval_ms: u64,
        ring: bool,
        pairs: &[(String, String)],
    ) -> Result<String> {
        let interval = Duration::from_millis(interval_ms);
        let length = Duration::try_from_secs_f64(seconds).ok().filter(|length| length.as_secs() < 3600);
        let length = length.with_context(|| format!("--seconds {seconds}: valid is 0 to 3600"))?;
        let probe = {
            let lab = self.lab();
            let plan = match (pairs, ring) {
                ([], true) => ProbePlan::new().ring(lab.vms(), interval),
                ([], false) => ProbePlan::new().all_pairs(lab.vms(), interval),
                (pairs, _) => {
                    pairs.iter().fold(ProbePlan::new(), |plan, (from, to)| plan.pair(from, to, interval))
                }
            };
            if plan.flows().is_empty() {
                bail!("there are no two VMs of one network to probe: add some with `asterism-lab vm add`");
            }
            lab.probe(&plan)?
        };
        let start = probe.mark();
        // Others may work on the laboratory meanwhile: that is what one probes for.
        drop(wait::until("the end of the probing", length, || Err::<(), _>(String::new())));
        Ok(probe.report(start).to_string())
    }

    fn cable(&self, node: &str, link: &str, pulled: bool) -> Result<String> {
        let underlays = match link {
            "both" => Underlay::BOTH.to_vec(),
            one => vec![one.parse()?],
        };
        let of_host = |lab: &mut Lab, host: HostName| {
            underlays.iter().try_for_each(|underlay| {
                if pulled { lab.cut(host, *underlay) } else { lab.restore(host, *underlay) }
            })
        };
        let of_controller = |lab: &mut Lab, number: u8| {
            if pulled { lab.isolate_controller(number) } else { lab.rejoin_controller(number) }
        };
        self.each(node, of_host, of_controller)?;
        Ok(format!("{node}: {}", if pulled { "cut" } else { "restored" }))
    }

    fn reboot(&self, node: &str) -> Result<String> {
        let name: HostName = node.parse()?;
        let mut lab = self.lab();
        lab.reboot_host(name)?;
        let count = lab.vms().filter(|vm| vm.host() == name).count();
        lab.replug_vms(name)?;
        Ok(format!("{name} is back with an empty OVSDB; {count} VMs plugged in again"))
    }

    fn add_host(&self, pool: &str, mute: bool, register: bool) -> Result<String> {
        let number = pool.strip_prefix('p').and_then(|number| number.parse().ok());
        let number = number.with_context(|| format!("{pool} is no pool: pools are written p1, p2 ..."))?;
        let mut lab = self.lab();
        let name = if mute { lab.add_mute_host(number)?.name() } else { lab.add_host(number)? };
        if register && lab.controllers().next().is_some() && !lab.is_behind_xapi(number) {
            lab.register_host(name)?;
        }
        Ok(format!("{name} runs"))
    }

    /// Does one thing to a host or another to a controller, as the name says.
    fn each(
        &self,
        node: &str,
        host: impl FnOnce(&mut Lab, HostName) -> Result<(), LabError>,
        controller: impl FnOnce(&mut Lab, u8) -> Result<(), LabError>,
    ) -> Result<()> {
        let mut lab = self.lab();
        match controller_number(node) {
            Some(number) => controller(&mut lab, number)?,
            None => host(&mut lab, node.parse()?)?,
        }
        Ok(())
    }
}

fn controller_number(node: &str) -> Option<u8> {
    node.strip_prefix('c')?.parse().ok()
}
