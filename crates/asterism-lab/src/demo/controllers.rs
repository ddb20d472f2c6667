//! Chapters about the controllers: whatever becomes of them, no packet is lost and no row is written.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::report::Chapter;
use super::stage::{Before, PATIENCE, Stage};

/// How soon a new leader must accept writes.
const WRITES_WITHIN: Duration = Duration::from_secs(1);

/// `kill -9` of the leader; a write is asked for at once.
pub(super) fn kill_leader(stage: &mut Stage) -> Result<Chapter> {
    let leader = stage.lab.wait_for_leader(PATIENCE)?;
    let fences = stage.lab.fences()?;
    let before = stage.before()?;
    stage.lab.controller_mut(leader)?.kill()?;
    let writable = time_to_write(stage, "spare-a")?;
    stage.lab.wait_for_new_epoch(&fences, PATIENCE)?;
    let chapter = untouched(stage, &before)?;
    stage.lab.controller_mut(leader)?.start()?;
    stage.lab.wait_for_all_replicas(PATIENCE)?;
    Ok(chapter
        .took("writes accepted", writable, Some(WRITES_WITHIN))
        .note(format!("the leader was c{leader}")))
}

/// All replicas are killed; the networks go on alone; the replicas come back.
pub(super) fn kill_all(stage: &mut Stage) -> Result<Chapter> {
    let nodes: Vec<u8> = stage.lab.controllers().map(asterism_lab::Controller::node).collect();
    let fences = stage.lab.fences()?;
    let before = stage.before()?;
    for node in &nodes {
        stage.lab.controller_mut(*node)?.kill()?;
    }
    stage.wait_until_calm(&before)?; // nobody leads: the networks forward
    let start = Instant::now();
    for node in &nodes {
        stage.lab.controller_mut(*node)?.start()?;
    }
    stage.lab.wait_for_leader(PATIENCE)?;
    let led = start.elapsed();
    stage.lab.wait_for_new_epoch(&fences, PATIENCE)?;
    stage.lab.wait_for_all_replicas(PATIENCE)?;
    Ok(untouched(stage, &before)?.took("a leader again", led, None))
}

/// The leader stands still until another one leads, and wakes up believing that it leads still.
pub(super) fn pause_leader(stage: &mut Stage) -> Result<Chapter> {
    let old = stage.lab.wait_for_leader(PATIENCE)?;
    let fences = stage.lab.fences()?;
    let before = stage.before()?;
    stage.lab.controller_mut(old)?.pause()?;
    let writable = time_to_write(stage, "spare-b")?;
    stage.lab.wait_for_new_epoch(&fences, PATIENCE)?;
    let claimed = stage.lab.fences()?;
    stage.lab.controller_mut(old)?.resume()?;
    stage.lab.wait_for_all_replicas(PATIENCE)?;
    let chapter = untouched(stage, &before)?;
    let after = stage.lab.fences()?;
    let backward =
        claimed.iter().filter(|(host, fence)| after.get(host).is_none_or(|now| now.epoch < fence.epoch));
    let backward: Vec<String> = backward.map(|(host, _)| host.to_string()).collect();
    Ok(chapter
        .promise(backward.is_empty(), || format!("the fence went backward on {}", backward.join(", ")))
        .took("writes accepted", writable, None)
        .note(format!("c{old} was paused; now c{} leads", stage.lab.wait_for_leader(PATIENCE)?)))
}

/// Time until a write is answered as committed. The write concerns no host.
fn time_to_write(stage: &Stage, pool: &str) -> Result<Duration> {
    let start = Instant::now();
    stage.lab.asterctl_ok(&["pool", "add", pool, "--wait", "committed"])?;
    let took = start.elapsed();
    stage.lab.asterctl_ok(&["pool", "remove", pool, "--wait", "committed"])?;
    Ok(took)
}

/// The two zeros: nothing lost, nothing written.
fn untouched(stage: &Stage, before: &Before) -> Result<Chapter> {
    stage.wait_until_calm(before)?;
    let written = stage.written_since(before)?;
    Ok(Chapter::new(&stage.probes_since(before)?).nothing_lost().no_row_changed(&written))
}
