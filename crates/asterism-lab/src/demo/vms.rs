//! A VM moves to another pool and keeps its address.

use std::time::Duration;

use anyhow::{Context, Result};

use super::hosts::leaf;
use super::report::Chapter;
use super::stage::{BLUE, Stage};

/// The VM's own gap is that of being unplugged here and plugged in there; no row but its ports changes.
pub(super) fn move_to_another_pool(stage: &mut Stage) -> Result<Chapter> {
    let (from, to) = (leaf(stage, 1)?, leaf(stage, 3)?);
    let vm = stage.lab.vms().find(|vm| vm.host() == from && vm.spec().network == BLUE);
    let name = vm.context("there is no VM to move")?.name().to_owned();
    let before = stage.before()?;
    stage.lab.move_vm(&name, to)?;
    stage.wait_until_calm(&before)?;
    let of_vm = stage.probes_of(&before, |flow| flow.from == name || flow.to == name)?;
    let others = stage.probes_of(&before, |flow| flow.from != name && flow.to != name)?;
    let (needed, needless) = stage.rows_since(&before, |host| host == from || host == to)?;
    Ok(Chapter::new(&others)
        .nothing_lost()
        .no_row_changed(&needless)
        .rows_needed(needed)
        .took("gap of the moved VM", of_vm.longest_gap(), None::<Duration>)
        .note(format!("{name} moved from {from} to {to}: {}", of_vm.totals())))
}
