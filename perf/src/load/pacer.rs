//! When messages of an open loop are due.

/// Arrivals at random times (a Poisson process): each gap is independent of all others and of the server.
#[derive(Debug)]
pub struct Pacer {
    mean_gap_ns: f64,
    next: f64,
}

impl Pacer {
    /// `rate` arrivals a second on average, from `now` on.
    pub fn new(rate: f64, now: u64) -> Self {
        Self {
            mean_gap_ns: 1e9 / rate,
            next: now as f64,
        }
    }

    /// When the next message is due.
    pub fn due(&self) -> u64 {
        self.next as u64
    }

    /// Goes on to the message after it.
    pub fn advance(&mut self, random: &mut fastrand::Rng) {
        self.next += -(1.0 - random.f64()).ln() * self.mean_gap_ns;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_kept_on_average_and_gaps_differ() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut pacer = Pacer::new(1000.0, 5);
        let mut gaps = Vec::new();
        for _ in 0..100_000 {
            let before = pacer.due();
            pacer.advance(&mut random);
            gaps.push(pacer.due() - before);
        }
        let mean = gaps.iter().sum::<u64>() / gaps.len() as u64;
        assert!((980_000..1_020_000).contains(&mean), "{mean}");
        assert!(gaps.iter().any(|&gap| gap < 100_000) && gaps.iter().any(|&gap| gap > 4_000_000));
    }
}
