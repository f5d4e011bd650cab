//! The distribution of a latency.

use hdrhistogram::Histogram;
use serde::Serialize;

/// Points of the percentile curve for each halving of what lies above it.
const POINTS_PER_HALVING: u32 = 5;

/// Percentiles of one latency; all values in milliseconds.
#[derive(Debug, Clone, Serialize)]
pub struct Latency {
    /// From what to what.
    pub name: String,
    unit: &'static str,
    /// How many were measured.
    pub count: u64,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
    /// Pairs of percentile and value, dense towards 100.
    pub curve: Vec<[f64; 2]>,
}

impl Latency {
    /// The unit of all values.
    pub const UNIT: &'static str = "ms";

    /// Sums up a histogram of microseconds.
    pub fn of(name: &str, histogram: &Histogram<u64>) -> Self {
        let at = |quantile| milliseconds(histogram.value_at_quantile(quantile));
        Self {
            name: name.to_owned(),
            unit: Self::UNIT,
            count: histogram.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: milliseconds(histogram.max()),
            curve: curve(histogram),
        }
    }

    /// A percentile by its name.
    pub fn value(&self, percentile: &str) -> Option<f64> {
        let percentiles = self.percentiles().into_iter();
        percentiles
            .filter(|(name, _)| *name == percentile)
            .map(|(_, value)| value)
            .next()
    }

    /// The percentiles people look at, with their names.
    pub fn percentiles(&self) -> [(&'static str, f64); 5] {
        [
            ("p50", self.p50),
            ("p90", self.p90),
            ("p99", self.p99),
            ("p99.9", self.p999),
            ("max", self.max),
        ]
    }
}

fn curve(histogram: &Histogram<u64>) -> Vec<[f64; 2]> {
    histogram
        .iter_quantiles(POINTS_PER_HALVING)
        .map(|step| {
            let percentile = 100.0 * step.quantile_iterated_to();
            [percentile, milliseconds(step.value_iterated_to().min(histogram.max()))]
        })
        .collect()
}

fn milliseconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_goes_through_the_percentiles_of_a_known_histogram() {
        let mut histogram = Histogram::new_with_max(10_000_000, 3).unwrap();
        for microseconds in 1..=100_000 {
            histogram.record(microseconds).unwrap();
        }
        let latency = Latency::of("send to ack", &histogram);
        assert_eq!(latency.count, 100_000);
        // Value and percentile rise together here: p of the values are at most p milliseconds.
        for &[percentile, value] in &latency.curve {
            assert!(
                (value - percentile).abs() <= 0.001 * percentile.max(1.0),
                "{percentile}: {value}"
            );
        }
        assert!((latency.p99 - 99.0).abs() < 0.1);
        assert!(latency.curve.len() > 50, "{}", latency.curve.len());
        assert!(latency.curve.iter().any(|point| (99.9..100.0).contains(&point[0])));
        let last = latency.curve.last().unwrap();
        assert_eq!((last[0], last[1]), (100.0, latency.max));
    }

    #[test]
    fn nothing_measured_is_no_curve() {
        let latency = Latency::of("send to ack", &Histogram::new(3).unwrap());
        assert!(latency.curve.is_empty());
        assert_eq!(latency.max, 0.0);
    }
}
