//! Carries the plan of faults out, and mends what it did.

use std::{collections::BTreeSet, time::Duration};

use super::{
    FaultKind,
    world::{FIRST_PHASE, Happening, World},
};

impl World {
    pub fn begin_fault(&mut self, number: usize) {
        let fault = self.plan[number];
        if self.healing.is_some() || self.now > FIRST_PHASE {
            return;
        }
        self.trace.note(self.now, format_args!("fault {number} begins: {fault}"));
        if !self.hit(number) {
            return;
        }
        *self.tally.faults.entry(fault.kind).or_default() += 1;
        self.on.insert(number);
        self.later(fault.lasts, Happening::FaultEnds(number));
    }

    /// Whom a fault of replicas hits.
    fn replica_of(&self, number: usize) -> usize {
        let fault = self.plan[number];
        match self.consensus.leader.filter(|_| fault.other.is_multiple_of(2)) {
            Some(leader) => leader,
            None => fault.place % self.replicas.len(),
        }
    }

    /// Whether there was anything to hit.
    fn hit(&mut self, number: usize) -> bool {
        let fault = self.plan[number];
        let machine = fault.place % self.machines.len();
        let side = fault.place.checked_rem(self.sides.len());
        match fault.kind {
            FaultKind::Kill => self.kill(number, self.replica_of(number)),
            FaultKind::KillAll => (0..self.replicas.len()).for_each(|replica| self.kill(number, replica)),
            FaultKind::Pause => {
                let replica = self.replica_of(number);
                self.replicas[replica].paused.insert(number);
            }
            FaultKind::Isolate => {
                let replica = self.replica_of(number);
                for other in (0..self.replicas.len()).filter(|other| *other != replica) {
                    self.cut_replicas(number, replica, other);
                }
            }
            FaultKind::CutPair => {
                let one = self.replica_of(number);
                let other = (one + 1 + fault.place % (self.replicas.len() - 1)) % self.replicas.len();
                self.cut_replicas(number, one, other);
            }
            FaultKind::Transfer => self.elect(self.consensus.leader),
            FaultKind::SlowNews => drop(self.slow_news.insert(number)),
            FaultKind::ClockJump => {
                let replica = self.replica_of(number);
                let skew = i64::try_from(fault.place % 7_200_000).unwrap_or(0) - 3_600_000;
                self.replicas[replica].skews.insert(number, skew);
            }
            FaultKind::SlowApply => {
                let replica = self.replica_of(number);
                self.replicas[replica].slowed.insert(number);
            }
            FaultKind::PowerOff | FaultKind::Reinstall => {
                let was_on = self.machines[machine].is_on();
                self.machines[machine].off.insert(number);
                if was_on {
                    self.power_off(machine);
                }
            }
            FaultKind::Freeze => {
                self.machines[machine].frozen.insert(number);
                self.watch_silence(machine);
            }
            FaultKind::Dark => {
                self.machines[machine].dark.insert(number);
                self.watch_silence(machine);
                self.rewire();
            }
            FaultKind::CutManagement => {
                let only = (!fault.other.is_multiple_of(3)).then_some(fault.other % self.replicas.len());
                self.machines[machine].deaf.insert(number, only);
                self.watch_silence(machine);
            }
            FaultKind::CutTransport => {
                self.machines[machine].cut.insert(number);
                self.rewire();
            }
            FaultKind::CutLink => {
                let other = fault.other % self.machines.len();
                if other == machine {
                    return false;
                }
                let link = (machine.min(other), machine.max(other));
                self.cut_links.entry(link).or_default().insert(number);
                self.rewire();
            }
            FaultKind::Empty if self.machines[machine].is_on() => {
                self.wipe(machine);
                self.replug(machine);
            }
            FaultKind::Restore if self.machines[machine].is_on() => {
                self.put_back(machine, fault.other);
                self.replug(machine);
            }
            FaultKind::Empty | FaultKind::Restore => return false,
            FaultKind::Slow => drop(self.machines[machine].slowed.insert(number)),
            FaultKind::Reset => drop(self.machines[machine].resets.insert(number)),
            FaultKind::Edit => self.edit_by_hand(machine, fault.other),
            FaultKind::Twice => drop(self.twice.insert(number)),
            FaultKind::PoolHang => return side.is_some_and(|side| self.sides[side].hung.insert(number)),
            FaultKind::PoolRefuse => {
                return side.is_some_and(|side| self.sides[side].refusing.insert(number));
            }
            FaultKind::PoolAway => {
                let Some(side) = side else { return false };
                self.sides[side].away.insert(number);
                self.lose_pool(side);
            }
            FaultKind::PoolRestore => {
                let Some(side) = side else { return false };
                self.put_pool_back(side, fault.other);
            }
        }
        true
    }

    fn kill(&mut self, number: usize, replica: usize) {
        let was_alive = self.replicas[replica].is_alive();
        self.replicas[replica].killed.insert(number);
        if was_alive {
            self.kill_replica(replica);
        }
    }

    fn cut_replicas(&mut self, number: usize, one: usize, other: usize) {
        self.cuts.entry((one.min(other), one.max(other))).or_default().insert(number);
    }

    /// Mends one fault, if it is not mended yet.
    pub fn end_fault(&mut self, number: usize) {
        if !self.on.remove(&number) {
            return;
        }
        self.trace.note(self.now, format_args!("fault {number} ends"));
        self.slow_news.remove(&number);
        self.twice.remove(&number);
        for cuts in self.cuts.values_mut().chain(self.cut_links.values_mut()) {
            cuts.remove(&number);
        }
        for replica in 0..self.replicas.len() {
            self.mend_replica(number, replica);
        }
        for machine in 0..self.machines.len() {
            self.mend_machine(number, machine);
        }
        for side in 0..self.sides.len() {
            let it = &mut self.sides[side];
            it.hung.remove(&number);
            it.refusing.remove(&number);
            it.away.remove(&number);
        }
        self.rewire();
    }

    fn mend_replica(&mut self, number: usize, replica: usize) {
        let it = &mut self.replicas[replica];
        it.skews.remove(&number);
        it.slowed.remove(&number);
        let was_running = it.is_running();
        let was_killed = it.killed.remove(&number);
        it.paused.remove(&number);
        if was_killed && it.is_alive() {
            self.start_replica(replica);
        } else if !was_running && it.is_running() {
            self.resume_replica(replica);
        }
    }

    fn mend_machine(&mut self, number: usize, machine: usize) {
        let it = &mut self.machines[machine];
        it.cut.remove(&number);
        it.slowed.remove(&number);
        it.resets.remove(&number);
        it.deaf.remove(&number);
        let did_serve = it.serves();
        let was_on = it.is_on();
        it.off.remove(&number);
        it.frozen.remove(&number);
        it.dark.remove(&number);
        if !was_on && it.is_on() {
            let is_empty = self.plan[number].kind == FaultKind::Reinstall;
            self.power_on(machine, is_empty);
        } else if !did_serve && it.serves() {
            self.thaw(machine);
        }
    }

    /// Everything is mended. Operators finish what they have begun.
    pub fn mend_all(&mut self) {
        let on: BTreeSet<usize> = std::mem::take(&mut self.on);
        for number in on {
            self.on.insert(number);
            self.end_fault(number);
        }
        for operator in &mut self.operators {
            operator.is_resting = true;
        }
    }
}

/// How often what shall be is compared with what is.
pub const EXAMINED_EACH: Duration = Duration::from_millis(500);
