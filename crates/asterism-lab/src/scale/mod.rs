//! What many hosts and many pools behind a XAPI cost the controllers: time, CPU, memory, and calls to the pools.

mod paper;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use asterism_lab::{HostName, Lab, wait};
use asterism_xapi_sim::Simulator;

/// Longest that the pools may take until they have all objects.
const PATIENCE: Duration = Duration::from_secs(600);
/// No call that writes for so long, and the pools count as having settled.
const QUIET: Duration = Duration::from_secs(3);
const NETWORK: &str = "blue";
/// The network of the hosts' first interface, as every pool names it.
const TRANSPORT_LABEL: &str = "Pool-wide network associated with eth0";

/// What stands behind the XAPIs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hosts {
    /// The laboratory's, with Open vSwitch.
    Real,
    /// None: the pools list hosts at whose addresses no OVSDB listens.
    OnPaper,
}

/// Runs it all and prints what was seen.
pub(crate) fn measure(pools: u8, hosts: u8, kind: Hosts, steady: Duration) -> Result<()> {
    let builder = Lab::builder().controllers(3);
    let (lab, pools) = match kind {
        Hosts::Real => {
            let lab = builder.pools(pools).xapi_pools(pools).hosts(hosts).build()?;
            let simulators: Result<Vec<_>, _> =
                (1..=pools).map(|pool| lab.xapi(pool).map(|it| it.simulator().clone())).collect();
            let simulators = simulators?;
            (lab, simulators)
        }
        Hosts::OnPaper => {
            // The CA that controllers install in pools belongs to OVSDB over TLS.
            let lab = builder.pools(0).ovsdb_tls().build()?;
            let simulators = paper::start(&lab, pools, hosts)?;
            (lab, simulators)
        }
    };
    let scene = Scene { lab, pools, hosts };
    say(&format!(
        "{} pools of {hosts} hosts ({}), three controllers",
        scene.pools.len(),
        match kind {
            Hosts::Real => "real Open vSwitch",
            Hosts::OnPaper => "XAPI alone",
        }
    ));
    scene.lab.init_cluster()?;
    scene.step("all pools are added and their hosts listed", || scene.add_pools())?;
    scene.step("a network over all pools has all of its objects", || scene.create_network())?;
    if kind == Hosts::Real {
        scene.step("all tunnels of the network are up at both ends", || {
            let words = ["network", "update", NETWORK, "--wait", "verified", "--wait-timeout", "600s"];
            scene.lab.asterctl_ok(&[words.as_slice(), &["--detection", "normal"]].concat()).map(drop)?;
            Ok(())
        })?;
    }
    scene.step(&format!("steady for {} s", steady.as_secs()), || {
        wait::pause(steady);
        Ok(())
    })?;
    scene.step("one host's transport gets another address", || scene.readdress())?;
    scene.step("another network", || {
        scene.create("green")?;
        scene.wait_for_objects(2)
    })
}

struct Scene {
    lab: Lab,
    pools: Vec<Simulator>,
    hosts: u8,
}

impl Scene {
    /// Does a step, and prints what it cost.
    fn step(&self, what: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
        self.pools.iter().for_each(Simulator::clear_calls);
        let (start, before) = (Instant::now(), self.processor_times());
        work().with_context(|| what.to_owned())?;
        let took = start.elapsed();
        let spent: Vec<f64> = self
            .processor_times()
            .iter()
            .zip(&before)
            .map(|(now, before)| now.saturating_sub(*before).as_secs_f64())
            .collect();
        say(&format!("\n{what}: {:.1} s", took.as_secs_f64()));
        for (controller, spent) in self.lab.controllers().zip(spent) {
            let percent = 100.0 * spent / took.as_secs_f64();
            let memory = controller.memory_kib() / 1024;
            say(&format!(
                "  c{}: {spent:.1} s of CPU ({percent:.0} % of a core), {memory} MB resident",
                controller.node()
            ));
        }
        let mut methods: BTreeMap<String, usize> = BTreeMap::new();
        let mut touched = 0;
        for pool in &self.pools {
            let calls = pool.calls();
            touched += usize::from(calls.iter().any(|call| call.method != "event.from"));
            for call in calls {
                *methods.entry(call.method).or_default() += 1;
            }
        }
        let total: usize = methods.values().sum();
        let listed: Vec<String> = methods.iter().map(|(method, count)| format!("{method} {count}")).collect();
        say(&format!("  {total} calls, {touched} pools asked for more than events: {}", listed.join(", ")));
        Ok(())
    }

    fn processor_times(&self) -> Vec<Duration> {
        self.lab.controllers().map(|controller| controller.processor_time()).collect()
    }

    fn add_pools(&self) -> Result<()> {
        (1..).zip(&self.pools).try_for_each(|(number, _)| self.lab.register_xapi_pool(number))?;
        let listed = |count: usize| (count == self.pools.len() * usize::from(self.hosts)).then_some(());
        wait::until("all hosts are listed", PATIENCE, || {
            let answer = self.lab.asterctl_ok(&["host", "list", "-o", "json"]);
            let answer = answer.map_err(|error| error.chain())?;
            let count = answer.matches("\"standing\"").count();
            listed(count).ok_or_else(|| format!("{count} hosts"))
        })?;
        Ok(())
    }

    fn create_network(&self) -> Result<()> {
        self.create(NETWORK)?;
        self.wait_for_objects(1)
    }

    fn create(&self, name: &str) -> Result<()> {
        let pools: Vec<String> =
            (1..=self.pools.len()).map(|pool| format!("p{pool}:network={TRANSPORT_LABEL}")).collect();
        let pools = pools.iter().flat_map(|pool| ["--pool", pool]);
        let words = ["network", "create", name, "--wait", "committed"];
        self.lab.asterctl_ok(&words.into_iter().chain(pools).collect::<Vec<_>>())?;
        Ok(())
    }

    /// Waits until every pool has so many networks of ours with a plugged tunnel for each host, and nothing is written any more.
    fn wait_for_objects(&self, networks: usize) -> Result<()> {
        let wanted = networks * usize::from(self.hosts);
        wait::until_every("every host has its tunnels' objects", PATIENCE, QUIET / 30, || {
            let plugged = |pool: &Simulator| {
                let database = pool.database();
                let tunnels = database.refs("tunnel");
                let is_plugged = |tunnel: &&String| {
                    database.is_true(
                        "PIF",
                        database.text("tunnel", tunnel, "access_PIF"),
                        "currently_attached",
                    )
                };
                tunnels.iter().filter(is_plugged).count()
            };
            let lacking = self.pools.iter().filter(|pool| plugged(pool) < wanted).count();
            if lacking == 0 { Ok(()) } else { Err(format!("{lacking} pools are not done")) }
        })?;
        Ok(())
    }

    /// The last host of the first pool gets another transport address, and the controllers hear of it.
    fn readdress(&self) -> Result<()> {
        let pool = self.pools.first().context("there is no pool")?;
        let host = HostName::new(1, self.hosts);
        let address = Ipv4Addr::new(10, 20, 1, 255);
        pool.set_address(&host.host_name(), TRANSPORT_LABEL, Some((address.into(), 16)));
        wait::until("the controllers know the new address", PATIENCE, || {
            let shown = self.lab.asterctl_ok(&["host", "show", &host.to_string()]);
            let shown = shown.map_err(|error| error.chain())?;
            if shown.contains(&address.to_string()) { Ok(()) } else { Err(shown) }
        })?;
        wait::pause(QUIET);
        Ok(())
    }
}

#[expect(clippy::print_stdout, reason = "the figures are what was asked for")]
fn say(text: &str) {
    println!("{text}");
}
