//! The verbs of the scenarios, over the world that all tests of the planner share.
//!
//! ```text
//! pool p1 hosts=a,b,c [down=c]          network n1 pools=p1,p2:b encap=vxlan [prefer=p2]   (p2:b prefers host b)
//! add-host p1/d                         remove-host p1/a · disable p1/a · enable p1/a
//! prefer n1 p1:b · prefer-pool n1 p2    delete-network n1 · take-out n1 p2
//! move n1 p1/b · move-pool n1 p2        make before break · resilience n1 dual
//! can-bond HOST yes|no                  what its Open vSwitch can do
//! power-off p1/a · power-on p1/a        no connection is closed: found out by BFD, and by probes after 10 s
//! host-down p1/a · host-up p1/a         its connections end at once
//! reboot-empty p1/a                     its database is made anew
//! cut-mgmt HOST|all · heal-mgmt ..      controllers do not reach it; tunnels live
//! cut-transport HOST · heal-transport   its tunnels are dead; controllers reach it
//! cut-link HOST HOST · heal-link ..     nothing passes between these two; all else does
//! freeze HOST · thaw HOST               its ovsdb-server accepts and never answers; tunnels live
//! foreign-port HOST n1 · unplug HOST n1 a VM's port on the network's bridge
//! foreign-name HOST NAME · free-name    a row of the operator's has that name
//! new-leader
//! settle                                until nothing happens for half a minute
//! advance 10s                           so long and no longer
//! ```

use std::{collections::BTreeMap, time::Duration};

use asterism_model::{HostId, NetworkId, Outcome, Reply};
use asterism_planner::{Event, Tick};

use crate::{
    draw,
    support::{Delivery, World, leader::Order, model::render, world::Mail},
};

/// How long a session outlives its host where nothing closes it: the client's probe and the probe's deadline.
const PROBE: Duration = Duration::from_secs(10);
/// Nothing that is due later than this is waited for.
const HORIZON: Duration = Duration::from_secs(30);
/// A stage that does not come to rest says so after this.
const LONGEST: Duration = Duration::from_secs(300);

/// A world, and what was seen in it since that was last asked.
pub struct Stage {
    pub world: World,
    /// `pool/host`, of those too that the state has forgotten.
    pub labels: BTreeMap<HostId, String>,
    /// Hosts that say nothing though no connection to them ends, and since when.
    silent: BTreeMap<HostId, Tick>,
    /// The last event of the state that was drawn.
    pub drawn_event: u64,
    seen: Vec<String>,
}

/// What was done while the stage was run.
#[derive(Debug, Default)]
pub struct Deeds {
    pub transactions: usize,
    pub claims: usize,
    pub refused: Vec<String>,
    /// When the last of them, or the last election, was.
    pub last: Option<Tick>,
    pub is_endless: bool,
}

impl Default for Stage {
    fn default() -> Self {
        let mut world = World::of("");
        world.elect();
        Self { world, labels: BTreeMap::new(), silent: BTreeMap::new(), drawn_event: 0, seen: Vec::new() }
    }
}

impl Stage {
    /// What was seen, one line each.
    pub fn take_seen(&mut self) -> String {
        std::mem::take(&mut self.seen).into_iter().map(|line| line + "\n").collect()
    }

    pub fn play(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let word = |place: usize| *words.get(place).unwrap_or_else(|| panic!("`{line}` needs more words"));
        match word(0) {
            "pool" => self.add_pool(word(1), &words[2..]),
            "network" => self.add_network(word(1), &words[2..]),
            "add-host" => self.add_host(word(1)),
            "remove-host" => self.operate(&format!("remove {}", words[1..].join(" "))),
            "disable" | "enable" | "move" | "move-pool" | "settings" => self.operate(line),
            "resilience" => self.operate(&format!("update {} resilience={}", word(1), word(2))),
            "prefer-pool" => self.operate(&format!("update {} prefer={}", word(1), word(2))),
            "take-out" => self.operate(&format!("update {} remove={}", word(1), word(2))),
            "can-bond" => self.edit(word(1), |rows| rows.can_bond = word(2) == "yes"),
            "prefer" => self.operate(&format!("update {} host={}", word(1), word(2))),
            "delete-network" => self.operate(&format!("delete {}", word(1))),
            "power-off" => {
                let host = self.host(word(1));
                self.silent.insert(host, self.world.now);
                self.world.set_alive(host, false);
            }
            "host-down" => self.world.set_alive(self.host(word(1)), false),
            "power-on" | "host-up" => {
                let host = self.host(word(1));
                self.silent.remove(&host);
                self.world.set_alive(host, true);
            }
            "reboot-empty" => self.world.empty(self.host(word(1))),
            "cut-mgmt" => {
                self.hosts(word(1)).into_iter().for_each(|host| self.world.set_reachable(host, false))
            }
            "heal-mgmt" => {
                self.hosts(word(1)).into_iter().for_each(|host| self.world.set_reachable(host, true))
            }
            "cut-transport" => self.world.set_cut(self.host(word(1)), true),
            "heal-transport" => self.world.set_cut(self.host(word(1)), false),
            "cut-link" => self.world.set_link_cut(self.host(word(1)), self.host(word(2)), true),
            "heal-link" => self.world.set_link_cut(self.host(word(1)), self.host(word(2)), false),
            "freeze" => {
                self.silent.insert(self.host(word(1)), self.world.now);
            }
            "thaw" => {
                self.silent.remove(&self.host(word(1)));
            }
            "foreign-port" => self.count_foreign_ports(word(1), word(2), 1),
            "unplug" => self.count_foreign_ports(word(1), word(2), -1),
            "foreign-name" => self.edit(word(1), |rows| {
                rows.foreign_names.insert(word(2).to_owned());
            }),
            "free-name" => self.edit(word(1), |rows| {
                rows.foreign_names.remove(word(2));
            }),
            "new-leader" => self.world.elect(),
            "settle" => self.run(None),
            "advance" => {
                let seconds = word(1).strip_suffix('s').and_then(|number| number.parse().ok());
                self.run(Some(Duration::from_secs_f64(
                    seconds.expect("`advance` wants seconds, as 10s or 0.5s"),
                )));
            }
            other => panic!("there is no verb `{other}`"),
        }
    }

    fn operate(&mut self, line: &str) {
        let reply = self.world.operate(line);
        match reply {
            Reply::Applied { .. } => {}
            Reply::Refused(_) => self.seen.push(format!("refused: {}", render::reply(&reply))),
        }
    }

    fn add_pool(&mut self, pool: &str, options: &[&str]) {
        self.operate(&format!("pool {pool}"));
        let named = |key: &str| -> Vec<&str> {
            let value = options.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
            value.map(|hosts| hosts.split(',').collect()).unwrap_or_default()
        };
        for host in named("hosts") {
            self.add_host(&format!("{pool}/{host}"));
        }
        for host in named("down") {
            self.world.set_alive(self.host(&format!("{pool}/{host}")), false);
        }
    }

    fn add_host(&mut self, label: &str) {
        let number = self.labels.len() + 1;
        self.operate(&format!("host {label} 10.0.0.{number}"));
        let id = self.world.state().hosts().keys().next_back().copied().unwrap();
        self.labels.insert(id, label.to_owned());
    }

    fn add_network(&mut self, network: &str, options: &[&str]) {
        let mut line = format!("network {network}");
        for word in options {
            match word.strip_prefix("pools=") {
                // The model's scripts name the transport in between.
                Some(pools) => pools.split(',').for_each(|pool| {
                    line += " ";
                    line += &pool.replace(':', ":lan:");
                }),
                None => line += &format!(" {word}"),
            }
        }
        self.operate(&line);
    }

    fn host(&self, label: &str) -> HostId {
        let found = self.labels.iter().find(|(_, known)| *known == label);
        *found.unwrap_or_else(|| panic!("there is no host `{label}`")).0
    }

    fn hosts(&self, label: &str) -> Vec<HostId> {
        if label == "all" { self.labels.keys().copied().collect() } else { vec![self.host(label)] }
    }

    fn edit(&mut self, label: &str, change: impl FnOnce(&mut asterism_model::ObservedHost)) {
        let host = self.host(label);
        self.world.hosts.get_mut(&host).unwrap().edit(change);
        self.world.changed(host);
    }

    fn count_foreign_ports(&mut self, label: &str, network: &str, change: isize) {
        let name = network.parse().unwrap();
        let network: Option<NetworkId> = self.world.state().network_named(&name).map(|network| network.id);
        self.edit(label, |rows| {
            let mut bridges = rows.bridges.values_mut();
            let only = bridges.len() == 1;
            // A network that is deleted has no name any more; its bridge is the only one, then.
            let bridge =
                bridges.find(|bridge| only || bridge.network == network).expect("the network's bridge");
            bridge.foreign_ports = bridge.foreign_ports.checked_add_signed(change).expect("a port to unplug");
        });
    }

    /// Runs the stage and draws what came of it.
    fn run(&mut self, time: Option<Duration>) {
        let before = draw::Sight::of(self);
        let start = self.world.now;
        let deeds = self.proceed(time);
        self.seen.extend(draw::lines(self, &before, &deeds, start));
        self.drawn_event = self.world.state().events().back().map_or(0, |event| event.sequence);
        draw::assert_sound(self);
    }

    fn proceed(&mut self, time: Option<Duration>) -> Deeds {
        let mut deeds = Deeds::default();
        self.world.follow_bonds();
        let start = self.world.now;
        let end = start + time.unwrap_or(LONGEST);
        loop {
            let possible = self.world.deliverable();
            if let Some(next) = possible.into_iter().find(|delivery| self.can_happen(*delivery)) {
                self.deliver(next, &mut deeds);
                continue;
            }
            let horizon = if time.is_some() { end } else { self.world.now + HORIZON };
            match self.next_moment().filter(|at| *at <= horizon) {
                Some(at) if at <= end => self.pass_until(at),
                Some(_) => {
                    deeds.is_endless = true;
                    return deeds;
                }
                None if time.is_some() && self.world.now < end => self.pass_until(end),
                None => return deeds,
            }
        }
    }

    fn can_happen(&self, delivery: Delivery) -> bool {
        match delivery {
            Delivery::Mail(place) => match &self.world.mail[place] {
                Mail::Order { host, .. } => !self.silent.contains_key(host),
                Mail::Proposal { .. } | Mail::Event { .. } => true,
            },
            Delivery::Learn(_) => true,
            Delivery::Connect(_, host) | Delivery::Lose(_, host) | Delivery::Show(_, host) => {
                !self.silent.contains_key(&host)
            }
        }
    }

    fn deliver(&mut self, delivery: Delivery, deeds: &mut Deeds) {
        let order = match delivery {
            Delivery::Mail(place) => match &self.world.mail[place] {
                Mail::Order { host, order, .. } => Some((*host, order.clone())),
                Mail::Proposal { .. } | Mail::Event { .. } => None,
            },
            Delivery::Learn(_) | Delivery::Connect(..) | Delivery::Lose(..) | Delivery::Show(..) => None,
        };
        let entries = self.world.log.len();
        self.world.deliver(delivery);
        match &order {
            Some((_, Order::Claim(_))) => deeds.claims += 1,
            Some((_, Order::Transact(..))) => deeds.transactions += 1,
            None => {}
        }
        if order.is_some() || self.world.log.len() > entries {
            deeds.last = Some(self.world.now);
        }
        if let (Some((host, _)), Some(Mail::Event { event: Event::Transacted { outcome, .. }, .. })) =
            (order, self.world.mail.last())
        {
            match outcome {
                Outcome::Applied => {}
                Outcome::Fenced => deeds.refused.push(format!("{}: fenced", self.labels[&host])),
                Outcome::Rejected(why) | Outcome::Unknown(why) => {
                    deeds.refused.push(format!("{}: {why}", self.labels[&host]));
                }
            }
        }
    }

    fn next_moment(&self) -> Option<Tick> {
        let leaders = self.world.leaders.iter().filter_map(|leader| leader.reconciler.poll_deadline());
        let probes =
            self.silent.iter().filter(|(host, _)| self.has_session(**host)).map(|(_, since)| *since + PROBE);
        leaders.map(|(at, _)| at).chain(probes).min()
    }

    fn has_session(&self, host: HostId) -> bool {
        self.world
            .leaders
            .iter()
            .any(|leader| leader.sessions.get(&host).is_some_and(|session| session.is_up))
    }

    fn pass_until(&mut self, at: Tick) {
        self.world.pass(at.since(self.world.now));
        let is_due = |since: Tick| since + PROBE <= self.world.now;
        let silent = self.silent.iter().filter(|(host, since)| is_due(**since) && self.has_session(**host));
        let lost: Vec<HostId> = silent.map(|(host, _)| *host).collect();
        for host in lost {
            self.lose_sessions(host);
        }
    }

    /// A probe was not answered: what was sent will never be.
    fn lose_sessions(&mut self, host: HostId) {
        let is_for = |mail: &Mail| matches!(mail, Mail::Order { host: to, .. } if *to == host);
        while let Some(place) = self.world.mail.iter().position(is_for) {
            self.world.lose(place);
        }
        for leader in 0..self.world.leaders.len() {
            if self.world.leaders[leader].sessions.get(&host).is_some_and(|session| session.is_up) {
                self.world.lose_session(leader, host);
            }
        }
    }
}
