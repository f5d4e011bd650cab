//! Histograms of times, as all scenarios keep them.

use hdrhistogram::Histogram;

/// Microseconds up to ten minutes, to three digits.
pub fn new_histogram() -> Histogram<u64> {
    Histogram::new_with_max(600_000_000, 3).expect("three digits are supported")
}

/// Records the time from `intended` to `now`, both nanoseconds of one clock.
pub fn record(histogram: &mut Histogram<u64>, intended: u64, now: u64) {
    histogram.saturating_record(now.saturating_sub(intended) / 1000);
}
