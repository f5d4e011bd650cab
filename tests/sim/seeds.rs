//! Worlds that once broke a promise, kept so that the same fault cannot come back unseen. A change of the
//! simulator gives a seed another world; then the entry has lost its meaning and goes.

/// Seeds, and what was at fault.
pub const SEEDS: &[(u64, &str)] = &[(
    10,
    "message ids forgotten when the disk was full twice with nothing written between",
)];
