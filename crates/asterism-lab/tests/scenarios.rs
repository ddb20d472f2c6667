//! Every scenario once, in its short form: that all heals, that no ring is closed, and that no needless row is written.
//! Figures are printed and not judged here: `make bench` repeats the scenarios and holds them to their promises.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use asterism_lab::sandbox::cannot_run;
use asterism_lab::scenario::{self, RunOptions, Scenario};
use asterism_lab::{LabError, Result, find_program, in_sandbox};

/// Copies of frames that are no slip of a switch that turns to another uplink any more. A ring makes thousands in a second.
const STORM: u64 = 1000;

const LAB: Option<&str> = Some(env!("CARGO_BIN_EXE_asterism-lab"));

/// Declares a test for each scenario file, and the list of them all.
macro_rules! scenarios {
    ($($test:ident: $file:literal,)+) => {
        const RUN_HERE: &[&str] = &[$($file),+];
        $(
            #[test]
            fn $test() {
                let missing = ["asterismd", "asterctl"].into_iter().find_map(|program| find_program(program).err());
                match missing {
                    Some(error) => cannot_run(stringify!($test), &error.to_string()),
                    None => in_sandbox!(|| holds($file), LAB),
                }
            }
        )+
    };
}

scenarios! {
    a_star_center_dies_without_controllers: "center-dies",
    the_root_dies_without_controllers: "root-dies",
    root_and_star_center_die_without_controllers: "root-and-center-die",
    standbys_die: "standby-dies",
    a_leaf_goes_by_the_standby_when_its_path_is_cut: "leaf-path",
    a_dead_star_center_is_replaced_and_returns: "center-replaced",
    a_dead_root_is_replaced_and_returns: "root-replaced",
    root_and_star_center_are_replaced_and_return: "both-replaced",
    offices_are_drained_and_let_back_in: "drain",
    star_centers_are_moved: "move-center",
    the_pool_center_is_moved: "move-pool-center",
    resilience_is_switched: "resilience",
    single_stars_are_mended_by_controllers: "single-dies",
    a_management_outage_moves_nothing: "management-cut",
    gre_heals_as_well: "gre",
    geneve_heals_as_well: "geneve",
}

#[test]
fn every_scenario_is_run_by_a_test_or_by_the_benchmark_alone() {
    let files = fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path());
    let names: BTreeSet<String> =
        files.map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    let of_tests = names.iter().filter(|name| !read(name).unwrap().is_bench_only);
    let run_here: BTreeSet<&str> = RUN_HERE.iter().copied().collect();
    assert_eq!(of_tests.map(String::as_str).collect::<BTreeSet<_>>(), run_here);
    for name in &names {
        assert!(read(name).unwrap().measures().count() > 0, "{name} measures nothing");
    }
}

/// Runs a scenario, inside of the sandbox.
fn holds(name: &str) -> Result<()> {
    let scenario = read(name)?.without_figures();
    let seen = scenario::run(&scenario, &RunOptions::default(), &mut |text| eprintln!("{text}"))?;
    let broken: Vec<String> = seen
        .iter()
        .flat_map(|seen| seen.broken.iter().map(|broken| format!("{}: {broken}", seen.title)))
        .collect();
    assert!(broken.is_empty(), "{name}: {}", broken.join("\n"));
    for seen in &seen {
        let heard = &seen.broadcasts;
        assert!(heard.expected == 0 || heard.heard > 0, "{name}, {}: no broadcast was heard", seen.title);
        assert_eq!(heard.strange, 0, "{name}, {}: broadcasts in another network", seen.title);
        assert!(heard.twice < STORM, "{name}, {}: {} frames came twice", seen.title, heard.twice);
    }
    Ok(())
}

fn read(name: &str) -> Result<Scenario> {
    let file = directory().join(format!("{name}.txt"));
    let text = fs::read_to_string(&file)
        .map_err(|source| LabError::io(format!("reading {}", file.display()), source))?;
    scenario::parse(name, &text).map_err(|what| LabError::Invalid { what })
}

fn directory() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}
