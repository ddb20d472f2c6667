//! The demonstration: one story on real switches, each chapter a promise, told with figures.
//!
//! A chapter does something to the laboratory under constant probing and says what it saw ([`report::Chapter`]); whether a
//! promise broke is decided there, from figures alone. The story stops at an error (something did not come at all), not at
//! a broken promise.

mod centers;
mod controllers;
mod hosts;
mod opening;
mod pools;
mod report;
mod stage;
mod vms;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use asterism_lab::LabBuilder;

use report::{Chapter, Report};
use stage::Stage;

/// A chapter of the story: its title, and what it does.
type Tell = fn(&mut Stage) -> Result<Chapter>;

const STORY: &[(&str, Tell)] = &[
    ("networks created, all pairs pinged", opening::create_networks),
    ("broadcast, isolation, a stranger", opening::isolation),
    ("leader killed (kill -9)", controllers::kill_leader),
    ("all controllers killed, started again", controllers::kill_all),
    ("leader paused, deposed, resumed", controllers::pause_leader),
    ("a host that accepts and never answers", hosts::mute),
    ("a frozen host", hosts::frozen),
    ("a star-center dies", centers::kill_star_center),
    ("the dead star-center returns", centers::revive),
    ("the root dies", centers::kill_root),
    ("the dead root returns", centers::revive),
    ("a host is added", hosts::add),
    ("a host reboots with an empty OVSDB", hosts::reboot),
    ("a VM moves to another pool", vms::move_to_another_pool),
    ("a pool's XAPI goes, another master comes", pools::change_master),
];

/// Tells the story on a fresh laboratory (inside the sandbox). Gives whether every promise held. `keep` is where logs
/// and databases are copied to in the end.
pub(crate) fn tell(builder: LabBuilder, keep: Option<PathBuf>) -> Result<bool> {
    let start = Instant::now();
    let mut stage = Stage::build(builder)?;
    stage::say(&format!("hosts and controllers run after {:.1} s", start.elapsed().as_secs_f64()));
    let mut report = Report::default();
    for (title, chapter) in STORY {
        stage::say(&format!("\n== {title}"));
        match chapter(&mut stage) {
            Ok(chapter) => {
                stage::say(&chapter.summary());
                report.add(title, chapter);
            }
            Err(error) => {
                stage::say(&format!("FAILED: {error:#}"));
                stage.show_controller_logs();
                report.fail(title, &error);
                break;
            }
        }
    }
    let untold = STORY.len() - report.len();
    report.print(untold, start.elapsed());
    if let Some(dir) = keep {
        stage
            .keep_files(&dir)
            .with_context(|| format!("keeping the files of this run in {}", dir.display()))?;
    }
    Ok(report.all_held() && untold == 0)
}
