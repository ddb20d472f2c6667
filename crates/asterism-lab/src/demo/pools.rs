//! A chapter about a pool's own management: its XAPI goes and comes back under another master. No network notices.

use std::time::Instant;

use anyhow::Result;
use asterism_lab::wait;

use super::report::Chapter;
use super::stage::{PATIENCE, Stage, say};

/// The pool that is behind a XAPI, where one is.
const POOL: u8 = 1;

/// The toolstack of the master ends, that of a slave begins as master, and it is told what it lacks.
pub(super) fn change_master(stage: &mut Stage) -> Result<Chapter> {
    let before = stage.before()?;
    if !stage.lab.is_behind_xapi(POOL) {
        stage.wait_until_calm(&before)?;
        return Ok(Chapter::new(&stage.probes_since(&before)?)
            .nothing_lost()
            .note("no pool is behind a XAPI"));
    }
    let xapi = stage.lab.xapi(POOL)?.simulator().clone();
    xapi.stop_toolstack("h1");
    wait::until("the controllers notice", PATIENCE, || shows(stage, "lost since"))?;
    say(stage.lab.asterctl_ok(&["pool", "show", "p1"])?.trim_end());
    let start = Instant::now();
    xapi.back_up();
    xapi.seize_mastership("h2");
    xapi.start_toolstack("h1");
    xapi.recover_slaves();
    wait::until("the controllers find the new master", PATIENCE, || shows(stage, "connected since"))?;
    let took = start.elapsed();
    stage.wait_until_calm(&before)?;
    let probes = stage.probes_since(&before)?;
    let (_, needless) = stage.rows_since(&before, |_| false)?;
    Ok(Chapter::new(&probes)
        .nothing_lost()
        .no_row_changed(&needless)
        .took("from the new master to its session", took, None)
        .note("p1/h2 became master of p1"))
}

/// Whether `pool show` says so.
fn shows(stage: &Stage, what: &str) -> Result<(), String> {
    let shown = stage.lab.asterctl_ok(&["pool", "show", "p1"]).map_err(|error| error.to_string())?;
    if shown.contains(what) { Ok(()) } else { Err(shown) }
}
