//! Runs workers side by side and samples what they achieve and the server spends meanwhile.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::options::{LoadOptions, seconds};
use crate::progress::Progress;
use crate::timeline::{self, Timeline, Total};

use super::clock::{Clock, Phases, nanoseconds};
use super::tally::Tally;
use super::worker::{Pace, Worker};

/// Lets all workers together send at `pace` and samples them and the process `server` throughout the measurement.
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
    let share = pace.shared_by(workers.len());
    let watch = Watch {
        clock,
        tallies: workers.iter().map(Worker::tally).collect(),
        progress,
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = workers
            .iter_mut()
            .map(|worker| scope.spawn(move || worker.run(clock, phases, share)))
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
        let mut timeline = Timeline::start(self.clock, server, &self.totals())?;
        self.each_interval("measuring", phases.measure_from, phases.measure_to, |totals| {
            timeline.sample(totals)
        })?;
        Ok(timeline)
    }

    fn each_interval(
        &self,
        step: &'static str,
        from: u64,
        to: u64,
        mut act: impl FnMut(&[Total]) -> Result<()>,
    ) -> Result<()> {
        let length = Duration::from_nanos(to.saturating_sub(from));
        self.progress.timed_step(step, length);
        let interval = nanoseconds(timeline::interval(length));
        let mut next = from;
        while next < to {
            next = to.min(next + interval);
            self.clock.sleep_until(next);
            let totals = self.totals();
            act(&totals)?;
            let achieved = totals.iter().filter(|(_, count)| *count > 0);
            let achieved: Vec<String> = achieved.map(|(name, count)| format!("{count} {name}")).collect();
            let news = format!("{step}: {}", achieved.join(", "));
            self.progress.passed(Duration::from_nanos(next - from), news);
        }
        Ok(())
    }

    /// The totals of all workers together.
    fn totals(&self) -> Vec<Total> {
        let mut sum = Tally::default().read();
        for tally in &self.tallies {
            for (sum, (_, count)) in sum.iter_mut().zip(tally.read()) {
                sum.1 += count;
            }
        }
        sum.to_vec()
    }
}
