//! The leader's work: what it chose, what stands in its way, how long operators' changes take.

use std::collections::BTreeMap;

use asterism_planner::Finding;

use super::{Counters, Sheet};
use crate::leader::LeadingView;

const KINDS: [&str; 7] = [
    "no_able_host",
    "center_kept",
    "no_standby",
    "preferred_passed_over",
    "preferred_pool_passed_over",
    "waiting",
    "no_vni",
];

pub(super) fn fill(sheet: &mut Sheet, leading: Option<&LeadingView>, counters: &Counters) {
    sheet.gauge(
        "asterism_leader_active",
        "1 while this replica leads and has claimed an epoch",
        f64::from(leading.is_some()),
    );
    sheet.gauges(
        "asterism_leader_at_rest",
        "On the leader: 1 if nothing is to be planned or done on a host that answers",
        [],
        leading.map(|leading| ([], f64::from(leading.is_at_rest))),
    );
    sheet.kept(
        "asterism_leaderships",
        "Times that this replica began to lead",
        &[],
        counters.leaderships.clone(),
    );
    sheet.kept(
        "asterism_plans",
        "Topologies proposed, by what became of them",
        &["outcome"],
        counters.plans.clone(),
    );
    sheet.kept(
        "asterism_choices",
        "Networks for which something new was chosen",
        &[],
        counters.choices.clone(),
    );
    let mut findings: BTreeMap<&str, usize> = KINDS.iter().map(|kind| (*kind, 0)).collect();
    for finding in leading.iter().flat_map(|leading| &leading.findings) {
        *findings.entry(kind(finding)).or_default() += 1;
    }
    sheet.gauges(
        "asterism_findings",
        "On the leader: what the planner did not do or waits for, as `asterctl plan` tells, by kind",
        ["kind"],
        findings
            .into_iter()
            .filter(|_| leading.is_some())
            .map(|(kind, count)| ([kind.to_owned()], count as f64)),
    );
    sheet.kept(
        "asterism_writes",
        "Operators' changes proposed here, by what became of them",
        &["outcome"],
        counters.writes.clone(),
    );
    sheet.kept(
        "asterism_receipt_seconds",
        "From an operator's change to its being committed, in every OVSDB that answers (programmed), and up at both ends of \
         all tunnels (verified)",
        &["stage"],
        counters.receipts.clone(),
    );
    sheet.kept(
        "asterism_receipts_overdue",
        "Operators' changes that were not verified within ten minutes",
        &[],
        counters.receipts_overdue.clone(),
    );
}

fn kind(finding: &Finding) -> &'static str {
    match finding {
        Finding::NoAbleHost { .. } => KINDS[0],
        Finding::CenterKept { .. } => KINDS[1],
        Finding::NoStandby { .. } => KINDS[2],
        Finding::PreferredPassedOver { .. } => KINDS[3],
        Finding::PreferredPoolPassedOver { .. } => KINDS[4],
        Finding::Waiting { .. } => KINDS[5],
        Finding::NoVni { .. } => KINDS[6],
    }
}
