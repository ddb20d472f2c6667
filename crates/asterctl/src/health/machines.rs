//! The machines under the replicas: their disks, clocks and certificates.

use asterism_api::v1::{self, replica::Status};

use super::{Check, Severity, Symptom};

/// Time to act, where certificates are issued by hand.
const CERTIFICATE_WARNING_DAYS: i64 = 14;
const CERTIFICATE_CRITICAL_DAYS: i64 = 3;
const DAY_MS: i64 = 86_400_000;

/// Consensus does not need clocks that agree; the times of events and the validity of certificates do.
const CLOCK_WARNING_MS: i64 = 500;
/// A certificate that was made on another machine a moment ago is not valid yet.
const CLOCK_CRITICAL_MS: i64 = 60_000;

pub(super) fn examine(cluster: &v1::ClusterStatus) -> Vec<Symptom> {
    let mut found = Vec::new();
    for replica in &cluster.replicas {
        let Some(Status::Reachable(status)) = &replica.status else { continue };
        let Some(vitals) = &status.vitals else { continue };
        let about = format!("replica {}", replica.node);
        found.extend(disk(&about, vitals));
        found.extend(clock(&about, replica));
        found.extend(vitals.certificates.iter().filter_map(|it| certificate(&about, vitals.now_ms, it)));
        found.extend(status.certificate_alarms.iter().filter_map(|it| not_taken_up(&about, it)));
    }
    found
}

fn disk(about: &str, vitals: &v1::Vitals) -> Option<Symptom> {
    let disk = vitals.disk.as_ref()?;
    let severity = if disk.free_bytes < disk.free_min_bytes {
        Severity::Critical
    } else if disk.free_bytes / 2 < disk.free_min_bytes {
        Severity::Warning
    } else {
        return None;
    };
    let what = format!(
        "{} free under its data_dir, of {}; the alarm is at {}",
        bytes(disk.free_bytes),
        bytes(disk.size_bytes),
        bytes(disk.free_min_bytes)
    );
    let remedy = "free room there; a full disk stops the replica";
    Some(Symptom::new(Check::Disk, severity, about, what).remedy(remedy))
}

fn clock(about: &str, replica: &v1::Replica) -> Option<Symptom> {
    let ahead = replica.clock_ahead_ms?;
    let doubt = i64::from(replica.round_trip_ms.unwrap_or(0) / 2);
    let sure = (ahead.saturating_abs() - doubt).max(0);
    let severity = if sure >= CLOCK_CRITICAL_MS {
        Severity::Critical
    } else if sure >= CLOCK_WARNING_MS {
        Severity::Warning
    } else {
        return None;
    };
    let way = if ahead > 0 { "ahead of" } else { "behind" };
    let what = format!("its clock is {} ms {way} that of the replica that was asked", ahead.saturating_abs());
    Some(
        Symptom::new(Check::Clock, severity, about, what)
            .remedy("run chrony or another NTP client on every node"),
    )
}

fn certificate(about: &str, now_ms: u64, certificate: &v1::CertificateEnd) -> Option<Symptom> {
    let left_ms = i64::try_from(certificate.ends_ms).ok()? - i64::try_from(now_ms).ok()?;
    let days = left_ms.div_euclid(DAY_MS);
    let severity = if days < CERTIFICATE_CRITICAL_DAYS {
        Severity::Critical
    } else if days < CERTIFICATE_WARNING_DAYS {
        Severity::Warning
    } else {
        return None;
    };
    let when = match days {
        ..0 => "ended".to_owned(),
        0 => "ends today".to_owned(),
        1 => "ends tomorrow".to_owned(),
        days => format!("ends in {days} days"),
    };
    let what = format!("the certificate `{}` {when}", certificate.key);
    let remedy = "`asterctl pki renew`, and the new one into the place of the old one; OPERATIONS: Certificates and roles";
    Some(Symptom::new(Check::Certs, severity, about, what).remedy(remedy))
}

/// Newer files than those in use; that one ends is told from the certificates themselves.
fn not_taken_up(about: &str, alarm: &str) -> Option<Symptom> {
    alarm.starts_with("newer certificates").then(|| {
        Symptom::new(Check::Certs, Severity::Warning, about, alarm)
            .remedy("mend the file that it names; the old ones stay in use")
    })
}

/// `1.5 GiB`
fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut tenths = count.saturating_mul(10);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    match (tenths % 10, unit) {
        (0, _) | (_, 0) => format!("{} {}", tenths / 10, UNITS[unit]),
        (tenth, _) => format!("{}.{tenth} {}", tenths / 10, UNITS[unit]),
    }
}

#[cfg(test)]
mod unit_tests {
    use super::bytes;

    #[test]
    fn sizes_are_short() {
        let shown = [0, 1023, 1024, 1536, 536_870_912, 3 << 40].map(bytes);
        assert_eq!(shown, ["0 B", "1023 B", "1 KiB", "1.5 KiB", "512 MiB", "3 TiB"]);
    }
}
