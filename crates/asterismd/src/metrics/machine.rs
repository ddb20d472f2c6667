//! The program, its process, its disk and its certificates.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;

use super::Sheet;
use crate::{
    clock::Clock,
    vitals::{Process, Vitals},
};

pub(super) fn fill(sheet: &mut Sheet, vitals: &Vitals, clock: &Clock) {
    sheet.gauges(
        "asterism_build_info",
        "Always 1; the version is in the label",
        ["version"],
        [([env!("CARGO_PKG_VERSION").to_owned()], 1.0)],
    );
    let process = Process::now();
    sheet.gauge(
        "process_resident_memory_bytes",
        "Memory that the process holds",
        process.resident_bytes as f64,
    );
    sheet.gauge("process_open_fds", "Open file descriptors", process.open_files as f64);
    sheet.gauge("process_max_fds", "File descriptors that it may open", process.max_files as f64);
    let cpu = Counter::<f64, AtomicU64>::default();
    cpu.inc_by(process.cpu_seconds);
    sheet.kept("process_cpu_seconds", "CPU time that it has used since it started", &[], cpu);
    sheet.gauge("process_start_time_seconds", "Since when it runs, Unix time", seconds(clock.started_at().0));
    let disk = vitals.disk();
    let disk_bytes = |of: fn(crate::vitals::Disk) -> u64| disk.map(|disk| ([], of(disk) as f64));
    sheet.gauges("asterism_disk_free_bytes", "Free on the disk under data_dir", [], disk_bytes(|it| it.free));
    sheet.gauges("asterism_disk_size_bytes", "Size of the disk under data_dir", [], disk_bytes(|it| it.size));
    sheet.gauges(
        "asterism_disk_free_min_bytes",
        "Less than this is an alarm: `[alarms] disk_free_min_mib`",
        [],
        disk_bytes(|it| it.min),
    );
    let ends = vitals.certificates().into_iter();
    sheet.gauges(
        "asterism_certificate_end_timestamp_seconds",
        "When a certificate of this replica ends, Unix time; `key` is its place in the configuration",
        ["key"],
        ends.map(|certificate| ([certificate.key.to_owned()], seconds(certificate.ends.0))),
    );
}

/// Of milliseconds.
pub(super) fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}
