//! How long every bench measures.

use std::time::Duration;

use criterion::Criterion;

/// One to two seconds a bench: short enough to run them all before and after each change.
pub fn settings() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20)
}
