//! Runs workers side by side and samples what the server spends meanwhile.

use crate::error::Result;
use crate::options::{LoadOptions, seconds};
use crate::process::{self, Usage};

use super::clock::{Clock, Phases};
use super::worker::{Pace, Worker};

/// What was spent while measuring.
pub struct Spent {
    pub seconds: f64,
    pub server: Usage,
    pub generator: Usage,
    /// CPUs busy with anything else on the machine.
    pub other_cpus: f64,
    /// Memory of the server at the end of the measurement.
    pub server_resident_bytes: u64,
}

/// Counters at one moment.
struct Sample {
    at: u64,
    server: Usage,
    generator: Usage,
    busy_ticks: u64,
}

impl Sample {
    fn take(clock: Clock, server: u32) -> Result<Self> {
        Ok(Self {
            at: clock.ns(),
            server: Usage::of(server)?,
            generator: Usage::of(std::process::id())?,
            busy_ticks: process::busy_ticks()?,
        })
    }

    fn until(&self, later: &Sample, server: u32) -> Result<Spent> {
        let seconds = (later.at - self.at) as f64 / 1e9;
        let (server_usage, generator) = (&later.server - &self.server, &later.generator - &self.generator);
        let ours = (server_usage.cpu_ns() + generator.cpu_ns()) as f64 / 1e9;
        let busy = (later.busy_ticks - self.busy_ticks) as f64 / 100.0;
        Ok(Spent {
            seconds,
            server: server_usage,
            generator,
            other_cpus: ((busy - ours) / seconds).max(0.0),
            server_resident_bytes: process::resident_bytes(server)?,
        })
    }
}

/// Lets all workers send at `pace` and samples the process `server` at both ends of the measurement.
pub fn run(workers: &mut [Worker], pace: Pace, options: &LoadOptions, server: u32) -> Result<Spent> {
    let clock = Clock::start();
    let phases = Phases::after(
        clock.ns(),
        seconds(options.warm_up),
        seconds(options.seconds),
        seconds(options.drain),
    );
    std::thread::scope(|scope| {
        let threads: Vec<_> = workers
            .iter_mut()
            .map(|worker| scope.spawn(move || worker.run(clock, phases, pace)))
            .collect();
        clock.sleep_until(phases.measure_from);
        let before = Sample::take(clock, server);
        clock.sleep_until(phases.measure_to);
        let after = Sample::take(clock, server);
        for thread in threads {
            thread.join().map_err(|_| "a generator thread panicked")??;
        }
        before?.until(&after?, server)
    })
}
