//! How the machine under this replica is: room on the disk, the process, the certificates' time.
//!
//! Looked at when somebody asks; nothing is remembered, and nothing is decided here.

use std::{fs, path::PathBuf};

use asterism_model::Timestamp;
use nix::sys::statvfs::statvfs;
use tokio::sync::watch;

use crate::{Config, credentials::Standing};

/// Clock ticks a second in `/proc/PID/stat` (proc_pid_stat(5)); Linux shows user space 100 on every machine that we run on.
const TICKS_PER_SECOND: f64 = 100.0;

/// What to look at.
#[derive(Clone)]
pub struct Vitals {
    data_dir: PathBuf,
    /// Free bytes below which the disk is an alarm.
    disk_min: u64,
    /// What is in use at the moment.
    credentials: Option<watch::Receiver<Standing>>,
}

/// The file system under `data_dir`, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    pub size: u64,
    /// Those that this process may use.
    pub free: u64,
    /// Below this it is an alarm.
    pub min: u64,
}

/// When a certificate in this replica's configuration ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// By its key in the configuration: `tls.cert`.
    pub key: &'static str,
    pub ends: Timestamp,
}

/// What the process takes of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Process {
    pub resident_bytes: u64,
    pub open_files: u64,
    pub max_files: u64,
    pub cpu_seconds: f64,
}

impl Disk {
    pub fn is_low(self) -> bool {
        self.free < self.min
    }
}

impl Vitals {
    pub fn new(config: &Config, credentials: watch::Receiver<Standing>) -> Self {
        Self {
            data_dir: config.data_dir.clone(),
            disk_min: config.alarms.disk_free_min,
            credentials: Some(credentials),
        }
    }

    /// Without certificates.
    #[cfg(test)]
    pub fn of(data_dir: PathBuf, disk_min: u64) -> Self {
        Self { data_dir, disk_min, credentials: None }
    }

    /// `None` where the system does not tell.
    pub fn disk(&self) -> Option<Disk> {
        let stat = statvfs(&self.data_dir).ok()?;
        let unit = stat.fragment_size();
        Some(Disk {
            size: stat.blocks().saturating_mul(unit),
            free: stat.blocks_available().saturating_mul(unit),
            min: self.disk_min,
        })
    }

    /// Those in use.
    pub fn certificates(&self) -> Vec<Certificate> {
        let Some(credentials) = &self.credentials else { return Vec::new() };
        let ends = credentials.borrow().credentials.all_ends();
        let ms = |seconds: i64| Timestamp(u64::try_from(seconds).unwrap_or(0).saturating_mul(1000));
        ends.into_iter().map(|(key, ends)| Certificate { key, ends: ms(ends) }).collect()
    }
}

impl Process {
    /// Zero where `/proc` does not tell.
    pub fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        Self {
            resident_bytes: number_after(&status, "VmRSS:").saturating_mul(1024),
            open_files: fs::read_dir("/proc/self/fd").map_or(0, |files| files.count() as u64),
            max_files: number_after(&limits, "Max open files"),
            cpu_seconds: cpu_seconds(&stat),
        }
    }
}

/// The first number behind a label at the beginning of a line; 0 without one.
fn number_after(text: &str, label: &str) -> u64 {
    let rest = text.lines().find_map(|line| line.strip_prefix(label)).unwrap_or_default();
    rest.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// `utime` and `stime`, the 14th and 15th field; the second one is a name in parentheses and may hold anything.
fn cpu_seconds(stat: &str) -> f64 {
    let Some((_, rest)) = stat.rsplit_once(')') else { return 0.0 };
    let ticks = rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS_PER_SECOND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_read_as_it_is_written() {
        let status = "Name:\tasterismd\nVmHWM:\t  9000 kB\nVmRSS:\t  4321 kB\n";
        assert_eq!(number_after(status, "VmRSS:"), 4321);
        assert_eq!(number_after(status, "VmSwap:"), 0);
        let stat = "12 (a) b) S 1 2 3 4 5 6 7 8 9 10 150 50 7 8 20";
        assert!((cpu_seconds(stat) - 2.0).abs() < 1e-9, "{}", cpu_seconds(stat));
        let here = Process::now();
        assert!(here.resident_bytes > 1 << 20 && here.open_files > 2 && here.max_files >= here.open_files);
    }
}
