//! Time on the clock beside time of our own: a stall of ours is told from a machine that gave its CPUs to others.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use crate::error::Result;

/// Measures the thread that made it.
pub struct Stopwatch {
    /// The scheduler's account of the thread: nanoseconds on a CPU, nanoseconds ready to run but waiting for one, turns.
    account: File,
}

/// How long something took.
pub struct Taken {
    pub clock: Duration,
    /// On a CPU or blocked, without the time that the thread was ready to run and another one was on its CPU.
    pub own: Duration,
}

impl Stopwatch {
    /// A stopwatch for the calling thread.
    pub fn new() -> Result<Self> {
        let account = File::open("/proc/thread-self/schedstat")?;
        Ok(Self { account })
    }

    /// Measures how long `act` takes.
    pub fn time(&self, act: impl FnOnce() -> Result<()>) -> Result<Taken> {
        let (waited_before, started) = (self.waited()?, Instant::now());
        act()?;
        let clock = started.elapsed();
        let waited = self.waited()?.saturating_sub(waited_before);
        Ok(Taken {
            clock,
            own: clock.saturating_sub(waited),
        })
    }

    /// How long the thread has waited for a CPU since it began.
    fn waited(&self) -> Result<Duration> {
        let mut text = [0; 128];
        let length = self.account.read_at(&mut text, 0)?;
        let waited = str::from_utf8(&text[..length])?.split(' ').nth(1);
        Ok(Duration::from_nanos(waited.ok_or("no time of waiting")?.parse()?))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(20);

    fn spin(until: impl Fn() -> bool) {
        while !until() {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn time_blocked_is_our_own() {
        let sleep = || {
            thread::sleep(MOMENT);
            Ok(())
        };
        let taken = Stopwatch::new().unwrap().time(sleep).unwrap();
        assert!(taken.own <= taken.clock && taken.clock >= MOMENT);
        assert!(taken.own >= MOMENT / 2, "{:?} of {:?}", taken.own, taken.clock);
    }

    #[test]
    fn time_that_others_had_the_cpu_is_not_our_own() {
        let over = AtomicBool::new(false);
        let rivals = 2 * thread::available_parallelism().unwrap().get();
        thread::scope(|scope| {
            for _ in 0..rivals {
                scope.spawn(|| spin(|| over.load(Ordering::Relaxed)));
            }
            let started = Instant::now();
            let busy = || {
                spin(|| started.elapsed() > 5 * MOMENT);
                Ok(())
            };
            let taken = Stopwatch::new().unwrap().time(busy).unwrap();
            over.store(true, Ordering::Relaxed);
            assert!(
                taken.own < taken.clock.mul_f64(0.9),
                "{:?} of {:?}",
                taken.own,
                taken.clock
            );
        });
    }
}
