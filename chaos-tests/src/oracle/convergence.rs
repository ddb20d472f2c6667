//! After everything is mended: one leader, equal replicas, every OVSDB at its target, all pairs reach one another, nothing
//! left over, and nobody does anything any more.

use asterism_model::NetworkId;
use asterism_planner::{
    Targets, check, diff,
    pools::{difference, pool_target},
};

use crate::sim::{fabric::Groups, office::Office, world::World};

impl World {
    /// What is not as it shall be, if anything is.
    pub fn what_differs(&self) -> Result<(), String> {
        self.operators_are_done()?;
        self.replicas_are_equal()?;
        self.one_leads_and_rests()?;
        let found = check(self.consensus.state());
        if !found.is_empty() {
            return Err(format!("the topology is not sound: {found:?}"));
        }
        self.hosts_have_their_targets()?;
        self.pools_have_their_targets()?;
        self.all_pairs_reach_one_another()
    }

    fn operators_are_done(&self) -> Result<(), String> {
        match self.operators.iter().find(|operator| !operator.is_idle()) {
            Some(operator) => Err(format!("operator {} still waits for an answer", operator.number)),
            None if !self.consensus.is_idle() => Err("proposals are under way".into()),
            None => Ok(()),
        }
    }

    fn replicas_are_equal(&self) -> Result<(), String> {
        let end = self.consensus.entries.len();
        match self.replicas.iter().find(|replica| replica.applied != end) {
            Some(replica) => {
                Err(format!("{} has applied {} of {end} entries", replica.node, replica.applied))
            }
            None => Ok(()),
        }
    }

    fn one_leads_and_rests(&self) -> Result<(), String> {
        let mut leading = self.replicas.iter().filter_map(|replica| match &replica.office {
            Office::Leading(leading) => Some(leading),
            Office::Idle | Office::Claiming | Office::Resting => None,
        });
        let (Some(leader), None) = (leading.next(), leading.next()) else {
            return Err("not one leads, but none or several".into());
        };
        if leader.epoch != self.consensus.state().epoch() {
            return Err(format!(
                "epoch {} is led, and {} was claimed",
                leader.epoch,
                self.consensus.state().epoch()
            ));
        }
        if leader.reconciler.is_at_rest() {
            return Ok(());
        }
        let busy = leader.reconciler.lanes().into_iter().filter(|lane| lane.settled_at.is_none());
        let busy: Vec<String> = busy
            .map(|lane| {
                format!(
                    "{} {} {:?} withheld {:?} {:?}",
                    lane.host, lane.phase, lane.last_error, lane.withheld, lane.conflicts
                )
            })
            .collect();
        Err(format!("the leader does not rest: {}; {:?}", busy.join(", "), leader.reconciler.findings()))
    }

    fn hosts_have_their_targets(&self) -> Result<(), String> {
        let state = self.consensus.state();
        let targets = Targets::of(state);
        let mut listed = Vec::new();
        for host in state.hosts().values() {
            let Some(machine) = self.machine_at(&host.ovsdb) else { continue };
            listed.push(machine);
            let found = diff(&targets.host(host.id), &self.machines[machine].db.rows);
            if !found.diff.is_empty() || !found.conflicts.is_empty() {
                let label = &self.machines[machine].label;
                return Err(format!("{label} is not at its target: {:?} {:?}", found.diff, found.conflicts));
            }
        }
        // A machine that nobody answers for any more and that was put back keeps what it had.
        let others = self
            .machines
            .iter()
            .enumerate()
            .filter(|(number, it)| !listed.contains(number) && !it.is_restored);
        for (_, machine) in others {
            let left = machine.db.rows.bridges.values().filter(|bridge| bridge.network.is_some()).count();
            if left > 0 {
                return Err(format!("{} has left, and {left} bridges of ours are there", machine.label));
            }
        }
        Ok(())
    }

    fn pools_have_their_targets(&self) -> Result<(), String> {
        let state = self.consensus.state();
        for pool in state.pools().values() {
            let Some(uuid) = pool.xapi().map(|xapi| xapi.uuid) else { continue };
            let Some(side) = self.sides.iter().find(|side| side.inventory.uuid == uuid) else { continue };
            let Some(target) = pool_target(state, pool.id, |_, _| None) else { continue };
            let found = difference(state, &target, &side.fake.shows);
            if !found.calls.is_empty() || !found.obstacles.is_empty() {
                return Err(format!(
                    "pool {} is not at its target: {:?} {:?}",
                    pool.name, found.calls, found.obstacles
                ));
            }
        }
        Ok(())
    }

    fn all_pairs_reach_one_another(&self) -> Result<(), String> {
        let state = self.consensus.state();
        let mut groups: Groups<(NetworkId, usize)> = Groups::new();
        for (one, other) in self.fabric.links_in_use(false) {
            if let Some(end) = self.fabric.ends.get(&one) {
                groups.join((end.network, one.0), (end.network, other.0));
            }
        }
        for network in state.networks().values() {
            let stars = state.topologies().get(&network.id).map(|topology| &topology.stars);
            let members = state.members_of(network);
            let joined = members.filter(|host| stars.is_some_and(|stars| stars.contains_key(&host.pool)));
            let machines: Vec<usize> = joined.filter_map(|host| self.machine_at(&host.ovsdb)).collect();
            let Some(first) = machines.first() else { continue };
            let far = machines
                .iter()
                .find(|machine| groups.find((network.id, **machine)) != groups.find((network.id, *first)));
            if let Some(far) = far {
                let (from, to) = (&self.machines[*first].label, &self.machines[*far].label);
                return Err(format!("{from} and {to} don't reach one another in {}", network.id));
            }
        }
        Ok(())
    }
}
