//! Scales of a plot: where a value lies on an axis, and which ticks tell so.

/// Steps and bounds that people read easily, in one decade.
const ROUND: [f64; 3] = [1.0, 2.0, 5.0];

/// At most so many steps on a linear axis, and seldom fewer than half of them.
const TICKS: f64 = 6.0;

/// Above so many decades a logarithmic axis has ticks at the decades only.
const DENSE_DECADES: f64 = 3.0;

/// How values are laid out along an axis.
#[derive(Debug, Clone, PartialEq)]
pub enum Scale {
    /// From zero, in even steps.
    Linear { to: f64, step: f64 },
    /// From one round number to another, each decade as long as the next.
    Logarithmic { from: f64, to: f64 },
    /// Percentiles: from 90 to 99 is as far as from 99 to 99.9. The axis ends after so many nines.
    Percentile { nines: f64 },
}

/// A mark on an axis.
#[derive(Debug, PartialEq)]
pub struct Tick {
    /// Part of the axis, from 0 to 1.
    pub position: f64,
    pub label: String,
}

impl Scale {
    /// A linear scale from zero that holds `largest`.
    pub fn linear(largest: f64) -> Self {
        let largest = if largest > 0.0 { largest } else { 1.0 };
        let step = round_above(largest / TICKS);
        let to = (largest / step - 1e-9).ceil() * step;
        Scale::Linear { to, step }
    }

    /// A logarithmic scale that holds both values, which are above zero.
    pub fn logarithmic(smallest: f64, largest: f64) -> Self {
        let from = round_below(smallest);
        let to = round_above(largest);
        Scale::Logarithmic {
            from,
            to: if to > from { to } else { from * 10.0 },
        }
    }

    /// A scale of percentiles of `count` values: it ends where a single one of them lies above.
    pub fn percentile(count: u64) -> Self {
        Scale::Percentile {
            nines: (count as f64).log10().max(1.0),
        }
    }

    /// Part of the axis at which a value lies, from 0 to 1; what is outside is moved to the end.
    pub fn position(&self, value: f64) -> f64 {
        let part = match self {
            Scale::Linear { to, .. } => value / to,
            Scale::Logarithmic { from, to } => (value.max(*from) / from).log10() / (to / from).log10(),
            Scale::Percentile { nines } => -(1.0 - value / 100.0).max(f64::MIN_POSITIVE).log10() / nines,
        };
        part.clamp(0.0, 1.0)
    }

    /// The marks along the axis.
    pub fn ticks(&self) -> Vec<Tick> {
        let values: Vec<f64> = match self {
            Scale::Linear { to, step } => (0..=(to / step).round() as u32)
                .map(|number| f64::from(number) * step)
                .collect(),
            Scale::Logarithmic { from, to } => round_between(*from, *to),
            Scale::Percentile { nines } => percentiles(*nines),
        };
        let tick = |value| Tick {
            position: self.position(value),
            label: short(value),
        };
        values.into_iter().map(tick).collect()
    }
}

/// 0, 50, 90, 99 and so on.
fn percentiles(nines: f64) -> Vec<f64> {
    let whole = (1..=nines as i32).map(|nines| 100.0 - 100.0 * 10f64.powi(-nines));
    [0.0, 50.0].into_iter().chain(whole).collect()
}

/// Round numbers from `from` to `to`; only the decades where there are many.
fn round_between(from: f64, to: f64) -> Vec<f64> {
    let dense = (to / from).log10() <= DENSE_DECADES;
    let decades = (from.log10().floor() as i32)..=(to.log10().ceil() as i32);
    let numbers = decades.flat_map(|decade| ROUND.map(|number| (number, number * 10f64.powi(decade))));
    let inside = |value: f64| value >= from * 0.999 && value <= to * 1.001;
    numbers
        .filter(|&(number, value)| inside(value) && (dense || number == 1.0))
        .map(|(_, value)| value)
        .collect()
}

/// The smallest round number that is not below `value`.
fn round_above(value: f64) -> f64 {
    let decade = 10f64.powf(value.log10().floor());
    let fits = |round: &f64| round * decade >= value * 0.999_999;
    ROUND.into_iter().find(fits).unwrap_or(10.0) * decade
}

/// The largest round number that is not above `value`.
fn round_below(value: f64) -> f64 {
    let decade = 10f64.powf(value.log10().floor());
    let fits = |round: &f64| round * decade <= value * 1.000_001;
    ROUND.into_iter().rev().find(fits).unwrap_or(1.0) * decade
}

/// A number in few characters: 20k, 1.5M, 0.02.
pub fn short(value: f64) -> String {
    let (scaled, suffix) = match value.abs() {
        1e9.. => (value / 1e9, "G"),
        1e6.. => (value / 1e6, "M"),
        1e4.. => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = format!("{scaled:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: &Scale) -> Vec<String> {
        scale.ticks().into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn linear_ticks_are_round_and_hold_the_largest() {
        let scale = Scale::linear(18_300.0);
        assert_eq!(labels(&scale), ["0", "5000", "10k", "15k", "20k"]);
        assert_eq!(scale.position(10_000.0), 0.5);
        assert_eq!(labels(&Scale::linear(1e7)), ["0", "2M", "4M", "6M", "8M", "10M"]);
        assert_eq!(labels(&Scale::linear(0.31)), ["0", "0.1", "0.2", "0.3", "0.4"]);
        assert_eq!(labels(&Scale::linear(0.0)).last().map(String::as_str), Some("1"));
    }

    #[test]
    fn logarithmic_decades_are_equally_long() {
        let scale = Scale::logarithmic(0.12, 7.0);
        assert_eq!(labels(&scale), ["0.1", "0.2", "0.5", "1", "2", "5", "10"]);
        assert!((scale.position(1.0) - 0.5).abs() < 1e-9);
        assert_eq!(scale.position(0.0), 0.0);
        assert_eq!(
            labels(&Scale::logarithmic(0.01, 900.0)),
            ["0.01", "0.1", "1", "10", "100", "1000"]
        );
        assert_eq!(labels(&Scale::logarithmic(1.0, 1.0)), ["1", "2", "5", "10"]);
    }

    #[test]
    fn every_nine_is_equally_long() {
        let scale = Scale::percentile(10_000);
        assert_eq!(labels(&scale), ["0", "50", "90", "99", "99.9", "99.99"]);
        for (percentile, position) in [(0.0, 0.0), (90.0, 0.25), (99.0, 0.5), (99.9, 0.75), (100.0, 1.0)] {
            assert!((scale.position(percentile) - position).abs() < 1e-9, "{percentile}");
        }
    }
}
