//! `asterism-lab scenario`: each run in a process and a sandbox of its own, so that no run sees another's leftovers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail, ensure};
use asterism_lab::sandbox;
use asterism_lab::scenario::{self, Measured, Results, RunOptions, Scenario};
use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  asterism-lab scenario crates/asterism-lab/scenarios/center-dies.txt
  asterism-lab scenario crates/asterism-lab/scenarios --runs 10 --long --out target/bench

Exits with 1 where a promise did not hold. What the language of the files is: docs/TESTING.md.")]
pub(crate) struct ScenarioCommand {
    /// Scenario files, or directories of them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How often to run each
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Of two times given for a fault that lasts (`10s|60s`), take the longer
    #[arg(long)]
    long: bool,
    /// Write the table, the plots (SVG) and all figures (JSON) here
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Copy logs, configurations and databases of each run here, to NAME-RUN
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// One run, in the sandbox.
#[derive(Debug, Args)]
pub(crate) struct Once {
    file: PathBuf,
    #[arg(long)]
    long: bool,
    #[arg(long)]
    keep: Option<PathBuf>,
}

impl ScenarioCommand {
    #[expect(clippy::print_stdout, reason = "the table is what was asked for")]
    pub(super) fn run(self) -> Result<ExitCode> {
        let files = self.files.iter().map(|path| scenario_files(path)).collect::<Result<Vec<_>>>()?.concat();
        // All are read before any is run: a slip in the last would be found after an hour.
        let scenarios = files.iter().map(|file| Ok((file, read(file)?))).collect::<Result<Vec<_>>>()?;
        let start = Instant::now();
        let mut results = Results::default();
        for run in 1..=self.runs {
            for (file, scenario) in &scenarios {
                let name = &scenario.name;
                eprintln!("== {name}, run {run} of {} (after {} s)", self.runs, start.elapsed().as_secs());
                let keep = self.keep.as_ref().map(|dir| dir.join(format!("{name}-{run}")));
                match self.run_once(file, keep) {
                    Ok(seen) => results.add(scenario, seen),
                    Err(error) => results.failures.push(format!("{name}, run {run}: {error:#}")),
                }
                // What is there is written at once: an hour of figures does not hang on its last run.
                self.write(&results)?;
            }
        }
        println!("{}", scenario::table(&results));
        Ok(if results.all_held() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn run_once(&self, file: &Path, keep: Option<PathBuf>) -> Result<Vec<Measured>> {
        let mut command = Command::new(std::env::current_exe().context("finding the own executable")?);
        command.args(["internal", "scenario"]).arg(file).args(self.long.then_some("--long"));
        command.args(keep.into_iter().flat_map(|dir| ["--keep".into(), dir]));
        let output = command.stderr(Stdio::inherit()).output().context("starting a run")?;
        ensure!(output.status.success(), "the run ended with {}; see above", output.status);
        serde_json::from_slice(&output.stdout).context("reading what the run saw")
    }

    fn write(&self, results: &Results) -> Result<()> {
        let Some(dir) = &self.out else { return Ok(()) };
        fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
        let json = serde_json::to_string_pretty(results)? + "\n";
        let files =
            [("scenarios.json".to_owned(), json), ("scenarios.txt".to_owned(), scenario::table(results))];
        for (name, text) in files.into_iter().chain(scenario::plots(results)) {
            let file = dir.join(name);
            fs::write(&file, text).with_context(|| format!("writing {}", file.display()))?;
        }
        Ok(())
    }
}

impl Once {
    #[expect(clippy::print_stdout, reason = "what was seen is data")]
    pub(super) fn run(self) -> Result<ExitCode> {
        sandbox::enter()?;
        let scenario = read(&self.file)?;
        let options = RunOptions { is_long: self.long, keep: self.keep };
        let seen = scenario::run(&scenario, &options, &mut |text| eprintln!("   {text}"))?;
        println!("{}", serde_json::to_string(&seen)?);
        Ok(ExitCode::SUCCESS)
    }
}

fn read(file: &Path) -> Result<Scenario> {
    let name = file.file_stem().with_context(|| format!("{} is no file", file.display()))?.to_string_lossy();
    let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    scenario::parse(&name, &text).map_err(|problem| anyhow!(problem))
}

/// The file itself, or all `*.txt` of a directory, by name.
fn scenario_files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).with_context(|| format!("reading {}", path.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let mut files: Vec<PathBuf> =
        paths.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "txt")).collect();
    files.sort();
    if files.is_empty() {
        bail!("{} holds no scenario (*.txt)", path.display());
    }
    Ok(files)
}
