//! Runs workers side by side and samples what they achieve and the server spends meanwhile.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::options::{LoadOptions, seconds};
use crate::progress::Progress;
use crate::timeline::{INTERVAL, Timeline};

use super::book::Counts;
use super::clock::{Clock, Phases, nanoseconds};
use super::tally::Tally;
use super::worker::{Pace, Worker};

/// Lets all workers send at `pace` and samples them and the process `server` throughout the measurement.
pub fn run(
    workers: &mut [Worker],
    pace: Pace,
    options: &LoadOptions,
    server: u32,
    progress: &Progress,
) -> Result<Timeline> {
    let clock = Clock::start();
    let phases = Phases::after(
        clock.ns(),
        seconds(options.warm_up),
        seconds(options.seconds),
        seconds(options.drain),
    );
    let watch = Watch {
        clock,
        tallies: workers.iter().map(Worker::tally).collect(),
        progress,
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = workers
            .iter_mut()
            .map(|worker| scope.spawn(move || worker.run(clock, phases, pace)))
            .collect();
        let timeline = watch.until_measured(phases, server);
        progress.step("waiting for what is under way");
        for thread in threads {
            thread.join().map_err(|_| "a generator thread panicked")??;
        }
        timeline
    })
}

/// The coordinating thread's view of the workers.
struct Watch<'a> {
    clock: Clock,
    tallies: Vec<Arc<Tally>>,
    progress: &'a Progress,
}

impl Watch<'_> {
    /// Shows the warm-up, then samples from the beginning of the measurement to its end.
    fn until_measured(&self, phases: Phases, server: u32) -> Result<Timeline> {
        self.each_interval("warming up", self.clock.ns(), phases.measure_from, |_| Ok(()))?;
        let mut timeline = Timeline::start(self.clock, server, &totals(self.counts()))?;
        self.each_interval("measuring", phases.measure_from, phases.measure_to, |counts| {
            timeline.sample(&totals(counts))
        })?;
        Ok(timeline)
    }

    fn each_interval(
        &self,
        step: &'static str,
        from: u64,
        to: u64,
        mut act: impl FnMut(Counts) -> Result<()>,
    ) -> Result<()> {
        self.progress
            .timed_step(step, Duration::from_nanos(to.saturating_sub(from)));
        let mut next = from;
        while next < to {
            next = to.min(next + nanoseconds(INTERVAL));
            self.clock.sleep_until(next);
            let counts = self.counts();
            act(counts)?;
            let news = format!("{step}: {} acked, {} delivered", counts.acked, counts.delivered);
            self.progress.passed(Duration::from_nanos(next - from), news);
        }
        Ok(())
    }

    fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        for counts in self.tallies.iter().map(|tally| tally.read()) {
            sum.acked += counts.acked;
            sum.delivered += counts.delivered;
        }
        sum
    }
}

fn totals(counts: Counts) -> [(&'static str, u64); 2] {
    [("acked", counts.acked), ("delivered", counts.delivered)]
}
