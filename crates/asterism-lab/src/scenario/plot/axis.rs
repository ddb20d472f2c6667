//! An axis: where a value lies on the paper, and which round values are written beside it. Pure.

/// From zero to a round value at or above the greatest.
pub(super) struct Axis {
    start: f64,
    length: f64,
    step: f64,
    steps: u32,
}

/// About this many ticks are written.
const TICKS: f64 = 6.0;

impl Axis {
    /// An axis for values up to `greatest`, from `start` on the paper over `length` (negative: upward).
    pub(super) fn new(greatest: f64, start: f64, length: f64) -> Self {
        let step = round_step(greatest.max(1.0) / TICKS);
        let steps = (greatest.max(1.0) / step).ceil() as u32;
        Self { start, length, step, steps }
    }

    /// Where it lies.
    pub(super) fn place(&self, value: f64) -> f64 {
        self.start + self.length * value / (self.step * f64::from(self.steps))
    }

    /// Round values and their places.
    pub(super) fn ticks(&self) -> impl Iterator<Item = (f64, String)> + '_ {
        (0..=self.steps).map(|count| {
            let value = self.step * f64::from(count);
            (self.place(value), number(value))
        })
    }
}

/// 1, 2 or 5 times a power of ten, at or above `least`.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let round = [1.0, 2.0, 5.0].into_iter().map(|digit| digit * power);
    round.into_iter().find(|step| *step >= least).unwrap_or(10.0 * power)
}

/// Thousands apart.
pub(super) fn number(value: f64) -> String {
    let digits = format!("{value:.0}");
    let groups: Vec<String> =
        digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group).into_owned()).collect();
    if value < 1.0 && value > 0.0 { format!("{value:.1}") } else { groups.join(",") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_hold_the_greatest() {
        let axis = Axis::new(512.0, 100.0, 600.0);
        let ticks: Vec<(f64, String)> = axis.ticks().collect();
        let words: Vec<&str> = ticks.iter().map(|(_, word)| word.as_str()).collect();
        assert_eq!(words, ["0", "100", "200", "300", "400", "500", "600"]);
        assert_eq!((ticks[0].0, ticks[6].0), (100.0, 700.0));
        assert_eq!(axis.place(300.0), 400.0);
    }

    #[test]
    fn nothing_but_zeros_has_an_axis_too() {
        let last = Axis::new(0.0, 0.0, 10.0).ticks().last();
        assert_eq!(last, Some((10.0, "1".to_owned())));
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(number(12_500.0), "12,500");
        assert_eq!(number(500.0), "500");
    }
}
