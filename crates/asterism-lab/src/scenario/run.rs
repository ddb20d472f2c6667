//! Runs a scenario once: takes its steps on a stage, and measures its events between standing witnesses.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

use super::callers::Callers;
use super::outcome::{Measured, Writes, broken};
use super::stage::{PATIENCE, Stage};
use super::words::{HostVerb, Measure, Place, Scenario, Verb};
use crate::address::HostName;
use crate::error::{LabError, Result};
use crate::probe::{Flow, Probe, ProbePlan};
use crate::process::processor_time;
use crate::rows::Journal;
use crate::tool::Tool;
use crate::{AllRows, Lab};

/// Time between two probes of a pair.
const TICK: Duration = Duration::from_millis(10);
/// How long nothing may be lost before a network counts as healed: many times BFD's and OVSDB's own delays.
const CALM: Duration = Duration::from_secs(1);
/// More VMs than these are probed in a ring, each with the next: all pairs would measure the prober.
const PAIRS_UP_TO: usize = 12;
/// Pairs named where probes were lost.
const WORST_SHOWN: usize = 3;

/// How to run a scenario.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// Of two times given for a `sleep`, take the longer.
    pub is_long: bool,
    /// Where logs, configurations and databases are copied to in the end, whatever came of it.
    pub keep: Option<PathBuf>,
}

/// Runs it, inside of the sandbox. `tell` hears what is done.
///
/// # Errors
/// When a step fails, or something does not come at all; never for a promise that did not hold.
pub fn run(scenario: &Scenario, options: &RunOptions, tell: &mut dyn FnMut(&str)) -> Result<Vec<Measured>> {
    let stage = Stage::build(scenario, options.is_long)?;
    let mut run = Run { stage, witnesses: None, measured: Vec::new() };
    let taken = run.take_all(scenario, tell);
    if let Some(to) = &options.keep {
        keep(&run.stage.lab, to)?;
    }
    taken.map(|()| run.measured)
}

/// Copies the files of a laboratory out of the sandbox.
fn keep(lab: &Lab, to: &Path) -> Result<()> {
    fs::create_dir_all(to).map_err(|source| LabError::io(format!("making {}", to.display()), source))?;
    let from = format!("{}/.", lab.dir().display());
    Tool::new("cp").args(["--recursive", "--no-dereference"]).arg(from).arg(to).run("copying").map(drop)
}

struct Run {
    stage: Stage,
    witnesses: Option<Witnesses>,
    measured: Vec<Measured>,
}

/// What is watched without a break, from the first event on.
struct Witnesses {
    probe: Probe,
    callers: Callers,
    /// Calls up to this one were counted in the event before.
    counted: usize,
}

/// How things stood before an event.
struct Before {
    rows: AllRows,
    journals: BTreeMap<HostName, Journal>,
    living: BTreeSet<HostName>,
    switch_time: Duration,
}

impl Run {
    fn take_all(&mut self, scenario: &Scenario, tell: &mut dyn FnMut(&str)) -> Result<()> {
        for step in &scenario.steps {
            let taken = if let Verb::Measure(measure) = &step.verb {
                self.measure(measure, tell)
            } else {
                self.stage.look().and_then(|()| self.take(&step.verb))
            };
            if let Err(error) = taken {
                for controller in self.stage.lab.controllers() {
                    tell(&format!("--- c{}:\n{}", controller.node(), controller.log_tail(15)));
                }
                let what = format!("{}:{}: {}", scenario.name, step.line, error.chain());
                return Err(LabError::Invalid { what });
            }
        }
        Ok(())
    }

    fn take(&mut self, verb: &Verb) -> Result<()> {
        if matches!(verb, Verb::Vms { .. }) {
            self.witnesses = None; // they know the VMs that there were
        }
        self.stage.take(verb)
    }

    fn measure(&mut self, measure: &Measure, tell: &mut dyn FnMut(&str)) -> Result<()> {
        let mut witnesses = match self.witnesses.take() {
            Some(witnesses) => witnesses,
            None => Witnesses::start(&self.stage.lab)?,
        };
        let seen = self.observe(measure, &mut witnesses)?;
        self.witnesses = Some(witnesses);
        tell(&super::table::sentence(&seen));
        self.measured.push(seen);
        Ok(())
    }

    fn observe(&mut self, measure: &Measure, witnesses: &mut Witnesses) -> Result<Measured> {
        self.stage.look()?;
        let roles_before = self.stage.roles.clone();
        let before = Before::look(&self.stage)?;
        let probe = &witnesses.probe;
        let stays = self.staying(measure, &before.living)?;
        // Names and rows were looked up: the machine may rest from that.
        probe.wait_until_calm(probe.mark(), CALM, PATIENCE, &stays)?;
        witnesses.callers.take_stall();

        let hosts = measure.steps.iter().filter_map(|step| self.stage.meant(&step.verb)).collect();
        let (mark, start, began) = (probe.mark(), Instant::now(), time_of_day()?);
        let mut settled_ms = None;
        for step in &measure.steps {
            self.stage.take(&step.verb)?;
            if step.verb == Verb::WaitSettled {
                settled_ms = Some(milliseconds(start.elapsed()));
            }
        }
        probe.wait_until_calm(probe.mark(), CALM, PATIENCE, &stays)?;
        let report = probe.report(mark).only(&stays);
        let (stall, took) = (witnesses.callers.take_stall(), start.elapsed());
        let calls = witnesses.callers.tally();
        let vms = vms_of(&self.stage.lab, &before.living);
        let heard = calls.since(witnesses.counted, |vm| vms.contains(vm));
        witnesses.counted = calls.calls();

        let writes = before.writes(&self.stage.lab)?;
        let mut rows: BTreeMap<String, usize> = BTreeMap::new();
        for (host, _) in &writes.rows {
            *rows.entry(host.to_string()).or_default() += 1;
        }
        let mut seen = Measured {
            title: measure.title.clone(),
            at: measure.at,
            began,
            hosts,
            pairs: report.flows.len(),
            gap_ms: milliseconds(report.longest_gap()),
            lost: report.flows.iter().map(|flow| flow.lost()).max().unwrap_or(0),
            lost_of_all: report.lost(),
            answered_twice: report.duplicates(),
            worst: report.worst(WORST_SHOWN).into_iter().map(ToString::to_string).collect(),
            broadcasts: heard,
            rows,
            settled_ms,
            stall_ms: milliseconds(stall),
            switch_percent: before.switch_percent(&self.stage, took),
            broken: Vec::new(),
        };
        self.stage.look()?;
        let named = &self.stage.named;
        let roles = [&roles_before, &self.stage.roles];
        let concerned = |places: &[Place], host| roles.iter().any(|roles| roles.is_in(host, places, named));
        seen.broken = broken(measure, &seen, &writes, concerned);
        Ok(seen)
    }

    /// Chooses pairs of VMs whose hosts live throughout the event.
    fn staying(
        &self,
        measure: &Measure,
        living: &BTreeSet<HostName>,
    ) -> Result<impl Fn(&Flow) -> bool + use<>> {
        let mut stay = living.clone();
        for step in &measure.steps {
            if let Verb::Host(HostVerb::Kill | HostVerb::Reboot | HostVerb::Freeze, who) = &step.verb {
                stay.remove(&self.stage.host(who)?);
            }
        }
        let vms = vms_of(&self.stage.lab, &stay);
        Ok(move |flow: &Flow| vms.contains(&flow.from) && vms.contains(&flow.to))
    }
}

impl Witnesses {
    fn start(lab: &Lab) -> Result<Self> {
        let plan = ProbePlan::new();
        let plan = if lab.vms().count() <= PAIRS_UP_TO {
            plan.all_pairs(lab.vms(), TICK)
        } else {
            plan.ring(lab.vms(), TICK)
        };
        if plan.flows().is_empty() {
            return Err(LabError::Invalid {
                what: "nothing to measure: no pair of VMs (`vms` makes them)".into(),
            });
        }
        let (probe, callers) = (lab.probe(&plan)?, Callers::start(lab.vms())?);
        // What is lost while switches learn of the VMs is nobody's fault, nor are hosts that are dead already.
        let living: BTreeSet<HostName> = lab
            .hosts()
            .filter(|host| host.state() == crate::HostState::Running)
            .map(|host| host.name())
            .collect();
        let vms = vms_of(lab, &living);
        probe.wait_until_calm(probe.mark(), CALM, PATIENCE, |flow| {
            vms.contains(&flow.from) && vms.contains(&flow.to)
        })?;
        let counted = callers.tally().calls();
        Ok(Self { probe, callers, counted })
    }
}

impl Before {
    fn look(stage: &Stage) -> Result<Self> {
        let (rows, journals) = (stage.lab.rows()?, stage.lab.journals()?);
        let living = stage.living();
        let switch_time = switch_time(&stage.lab);
        Ok(Self { rows, journals, living, switch_time })
    }

    fn writes(&self, lab: &Lab) -> Result<Writes> {
        let diffs = lab.rows_changed_since(&self.rows)?;
        let rows = diffs.iter().flat_map(|diff| diff.rows.iter().map(|row| (diff.host, row.to_string())));
        let written = lab.writes_since(&self.journals)?;
        let transactions = written.iter().map(|(host, entry)| (*host, entry.to_string())).collect();
        Ok(Writes { rows: rows.collect(), transactions })
    }

    fn switch_percent(&self, stage: &Stage, took: Duration) -> f64 {
        let spent = switch_time(&stage.lab).saturating_sub(self.switch_time);
        let hosts = f64::from(u32::try_from(stage.living().len().max(1)).unwrap_or(1));
        100.0 * spent.as_secs_f64() / took.as_secs_f64() / hosts
    }
}

/// Processor time of all running switches so far.
fn switch_time(lab: &Lab) -> Duration {
    let of = |host: &crate::Host| {
        let pid = fs::read_to_string(host.dir().join("ovs-vswitchd.pid")).ok()?;
        Some(processor_time(pid.trim().parse().ok()?))
    };
    lab.hosts().filter_map(of).sum()
}

/// Names of the VMs on these hosts.
fn vms_of(lab: &Lab, hosts: &BTreeSet<HostName>) -> BTreeSet<String> {
    lab.vms().filter(|vm| hosts.contains(&vm.host())).map(|vm| vm.name().to_owned()).collect()
}

/// UTC to the millisecond, as in the logs of the controllers.
fn time_of_day() -> Result<String> {
    let now =
        clock_gettime(ClockId::CLOCK_REALTIME).map_err(|errno| LabError::io("reading the clock", errno))?;
    let (seconds, ms) = (now.tv_sec().rem_euclid(24 * 60 * 60), now.tv_nsec() / 1_000_000);
    Ok(format!("{:02}:{:02}:{:02}.{ms:03}", seconds / 3600, seconds / 60 % 60, seconds % 60))
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
