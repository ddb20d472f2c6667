//! What processes use, as /proc tells.

use std::fs;
use std::time::Duration;

/// Clock ticks of `/proc/PID/stat` (`USER_HZ`) are the same on every Linux: a hundredth of a second.
const TICK: Duration = Duration::from_millis(10);

/// Resident set of a process in KiB (`VmRSS` of /proc/PID/status); 0 when it is gone.
pub(crate) fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// User and system time that a process has used; zero when it is gone.
pub(crate) fn processor_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok();
    stat.and_then(|stat| time_of(&stat)).unwrap_or_default()
}

/// `utime + stime` of `/proc/PID/stat` (proc(5)): the 14th and 15th field; the name in parentheses may hold blanks.
fn time_of(stat: &str) -> Option<Duration> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(11);
    let (user, system): (u32, u32) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(TICK * (user + system))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_behind_a_name_with_blanks() {
        let stat = "7 (ovs (x) d) S 1 7 7 0 -1 4194560 900 0 0 0 120 30 0 0 20 0 5 0 100 1 2";
        assert_eq!(time_of(stat), Some(Duration::from_millis(1_500)));
        assert_eq!(time_of("7 broken"), None);
    }
}
