//! A round trip through the log, as it is shown.

use asterism_api::v1;
use serde::Serialize;

use super::View;

#[derive(Debug, Serialize)]
pub struct ProbeView {
    /// The leader that committed it.
    pub leader: u64,
    /// Of the log entry.
    pub index: u64,
    /// On the leader, from its proposal to its being applied.
    pub commit_ms: f64,
    /// From here and back, connecting included.
    pub round_trip_ms: f64,
}

impl ProbeView {
    pub fn of(answer: v1::ProbeAnswer, round_trip: std::time::Duration) -> Self {
        let ms = |micros: u128| (micros as f64 / 10.0).round() / 100.0;
        Self {
            leader: answer.node,
            index: answer.index,
            commit_ms: ms(answer.took_us.into()),
            round_trip_ms: ms(round_trip.as_micros()),
        }
    }
}

impl View for ProbeView {
    const KIND: &'static str = "Health";
    const COLUMNS: &'static [&'static str] = &["LEADER", "INDEX", "COMMIT", "ROUND TRIP"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.leader.to_string(),
            self.index.to_string(),
            format!("{} ms", self.commit_ms),
            format!("{} ms", self.round_trip_ms),
        ]
    }

    fn text(&self) -> String {
        let Self { leader, index, commit_ms, round_trip_ms } = self;
        format!(
            "healthy: replica {leader} committed entry {index} in {commit_ms} ms; answered after {round_trip_ms} ms\n"
        )
    }
}
