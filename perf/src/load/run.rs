//! Runs workers side by side and samples what they achieve and the server spends meanwhile.

use std::sync::Arc;

use crate::error::Result;
use crate::options::{LoadOptions, seconds};
use crate::timeline::{INTERVAL, Timeline, Total};

use super::clock::{Clock, Phases, nanoseconds};
use super::tally::Tally;
use super::worker::{Pace, Worker};

/// Lets all workers send at `pace` and samples them and the process `server` throughout the measurement.
pub fn run(workers: &mut [Worker], pace: Pace, options: &LoadOptions, server: u32) -> Result<Timeline> {
    let clock = Clock::start();
    let phases = Phases::after(
        clock.ns(),
        seconds(options.warm_up),
        seconds(options.seconds),
        seconds(options.drain),
    );
    let tallies: Vec<Arc<Tally>> = workers.iter().map(Worker::tally).collect();
    std::thread::scope(|scope| {
        let threads: Vec<_> = workers
            .iter_mut()
            .map(|worker| scope.spawn(move || worker.run(clock, phases, pace)))
            .collect();
        let timeline = watch(clock, phases, &tallies, server);
        for thread in threads {
            thread.join().map_err(|_| "a generator thread panicked")??;
        }
        timeline
    })
}

/// Samples from the beginning of the measurement to its end.
fn watch(clock: Clock, phases: Phases, tallies: &[Arc<Tally>], server: u32) -> Result<Timeline> {
    clock.sleep_until(phases.measure_from);
    let mut timeline = Timeline::start(clock, server, &totals(tallies))?;
    let mut next = phases.measure_from;
    while next < phases.measure_to {
        next = phases.measure_to.min(next + nanoseconds(INTERVAL));
        clock.sleep_until(next);
        timeline.sample(&totals(tallies))?;
    }
    Ok(timeline)
}

fn totals(tallies: &[Arc<Tally>]) -> [Total; 2] {
    let counts = tallies.iter().map(|tally| tally.read());
    let (acked, delivered) = counts.fold((0, 0), |(acked, delivered), counts| {
        (acked + counts.acked, delivered + counts.delivered)
    });
    [("acked", acked), ("delivered", delivered)]
}
