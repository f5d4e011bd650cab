//! Requests that the server was too busy for, and that are made again when it said.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Clients that wait to ask again.
#[derive(Default)]
pub struct Repeats {
    waiting: BinaryHeap<Reverse<(u64, u32)>>,
    /// How many requests were refused as too many.
    pub count: u64,
}

impl Repeats {
    /// Lets a client wait as long as it was told and up to as long again, so that they do not come back in step.
    pub fn add(&mut self, client: u32, now: u64, delay_ms: u64, random: &mut fastrand::Rng) {
        let delay = (delay_ms as f64 * 1e6 * (1.0 + random.f64())) as u64;
        self.waiting.push(Reverse((now + delay, client)));
        self.count += 1;
    }

    /// The next client whose time has come.
    pub fn due(&mut self, now: u64) -> Option<u32> {
        let &Reverse((due, client)) = self.waiting.peek()?;
        if due > now {
            return None;
        }
        self.waiting.pop();
        Some(client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_wait_at_least_as_told_and_not_in_step() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut repeats = Repeats::default();
        for client in 0..100 {
            repeats.add(client, 0, 1000, &mut random);
        }
        assert_eq!(repeats.due(1_000_000_000 - 1), None);
        let early = std::iter::from_fn(|| repeats.due(1_500_000_000)).count();
        assert!((20..80).contains(&early), "{early}");
        let late = std::iter::from_fn(|| repeats.due(2_000_000_000)).count();
        assert_eq!(early + late, 100);
    }
}
