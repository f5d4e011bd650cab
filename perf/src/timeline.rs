//! What a run spent and achieved, sampled while it goes on.

use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender};

use crate::error::Result;
use crate::load::clock::Clock;
use crate::process::{self, Usage};
use crate::report::{Chart, MEBIBYTE};

/// How often the timeline of a short run is worth a sample.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(250);

/// A plot shows no more than these, however long the run.
const MOST_SAMPLES: u32 = 500;

/// How often a run of this length is worth a sample.
pub fn interval(length: Duration) -> Duration {
    (length / MOST_SAMPLES).max(SHORTEST_INTERVAL)
}

/// Samples of the server, the generator and the machine, with running totals of what was achieved.
pub struct Timeline {
    clock: Clock,
    server: u32,
    samples: Vec<Sample>,
}

/// A thread that samples, for short runs whose own thread is busy.
pub struct Recorder {
    stop: Sender<()>,
    thread: JoinHandle<Result<Timeline>>,
}

/// A running total of something achieved, such as acked messages.
pub type Total = (&'static str, u64);

/// What was spent between the first and the last sample.
pub struct Spent {
    pub seconds: f64,
    pub server: Usage,
    pub generator: Usage,
    /// CPUs busy with anything else on the machine.
    pub other_cpus: f64,
    /// Memory of the server at the last sample.
    pub server_resident_bytes: u64,
}

/// Counters at one moment.
struct Sample {
    /// Nanoseconds on the clock.
    at: u64,
    server: Usage,
    generator: Usage,
    busy_ticks: u64,
    server_resident_bytes: u64,
    totals: Vec<Total>,
}

impl Sample {
    fn take(clock: Clock, server: u32, totals: &[Total]) -> Result<Self> {
        Ok(Self {
            at: clock.ns(),
            totals: totals.to_vec(),
            server: Usage::of(server)?,
            generator: Usage::of(std::process::id())?,
            busy_ticks: process::busy_ticks()?,
            server_resident_bytes: process::resident_bytes(server)?,
        })
    }

    fn until(&self, later: &Sample) -> Spent {
        let seconds = (later.at - self.at) as f64 / 1e9;
        let (server, generator) = (&later.server - &self.server, &later.generator - &self.generator);
        let ours = (server.cpu_ns() + generator.cpu_ns()) as f64 / 1e9;
        let busy = (later.busy_ticks - self.busy_ticks) as f64 / 100.0;
        Spent {
            seconds,
            server,
            generator,
            other_cpus: ((busy - ours) / seconds).max(0.0),
            server_resident_bytes: later.server_resident_bytes,
        }
    }
}

impl Timeline {
    /// Takes the first sample of the process `server`.
    pub fn start(clock: Clock, server: u32, totals: &[Total]) -> Result<Self> {
        Ok(Self {
            clock,
            server,
            samples: vec![Sample::take(clock, server, totals)?],
        })
    }

    /// Takes a further sample; `totals` names the same as the first.
    pub fn sample(&mut self, totals: &[Total]) -> Result<()> {
        self.samples.push(Sample::take(self.clock, self.server, totals)?);
        Ok(())
    }

    /// What was spent from the first sample to the last.
    pub fn spent(&self) -> Spent {
        let last = self.samples.len() - 1;
        self.samples[0].until(&self.samples[last])
    }

    /// The totals that are not the same in the end.
    fn moving_totals(&self) -> impl Iterator<Item = usize> {
        let (first, last) = (&self.samples[0].totals, &self.samples[self.samples.len() - 1].totals);
        (0..first.len()).filter(|&index| first[index] != last[index])
    }

    /// Rates, CPUs, disk writes and memory over time.
    pub fn chart(&self) -> Chart {
        let mut chart = Chart::new(
            "Over time",
            ("time since the measurement began", "s"),
            "Level curves mean a steady server; each dip of a rate is a stall, and the curves below tell what was busy meanwhile.",
        );
        let begin = self.samples[0].at;
        for pair in self.samples.windows(2) {
            let (earlier, later) = (&pair[0], &pair[1]);
            let spent = earlier.until(later);
            let middle = ((earlier.at - begin) + (later.at - begin)) as f64 / 2e9;
            for index in self.moving_totals() {
                let ((name, before), (_, after)) = (earlier.totals[index], later.totals[index]);
                chart.point(name, "1/s", middle, after.saturating_sub(before) as f64 / spent.seconds);
            }
            let cpus = |usage: &Usage| usage.cpu_ns() as f64 / 1e9 / spent.seconds;
            chart.point("server", "CPUs", middle, cpus(&spent.server));
            chart.point("generator", "CPUs", middle, cpus(&spent.generator));
            chart.point("other work", "CPUs", middle, spent.other_cpus);
            let written = spent.server.written_bytes as f64 / MEBIBYTE;
            chart.point("written to disk", "MiB/s", middle, written / spent.seconds);
            let memory = spent.server_resident_bytes as f64 / MEBIBYTE;
            chart.point("server memory", "MiB", middle, memory);
        }
        chart
    }
}

impl Recorder {
    /// Takes the first sample of the process `server` and goes on until it is stopped.
    pub fn start(clock: Clock, server: u32, totals: impl Fn() -> Vec<Total> + Send + 'static) -> Result<Self> {
        let mut timeline = Timeline::start(clock, server, &totals())?;
        let (stop, stopped) = crossbeam_channel::bounded(0);
        let thread = std::thread::spawn(move || {
            while stopped.recv_timeout(SHORTEST_INTERVAL) == Err(RecvTimeoutError::Timeout) {
                timeline.sample(&totals())?;
            }
            timeline.sample(&totals())?;
            Ok(timeline)
        });
        Ok(Self { stop, thread })
    }

    /// Takes the last sample.
    pub fn stop(self) -> Result<Timeline> {
        drop(self.stop);
        self.thread.join().map_err(|_| "the sampling thread panicked")?
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn sample(at_ms: u64, acked: u64, cpu_ms: u64) -> Sample {
        let usage = |ms: u64| Usage {
            cpu_ns_by_thread: [("t".to_owned(), ms * 1_000_000)].into(),
            ..Usage::default()
        };
        Sample {
            at: at_ms * 1_000_000,
            server: usage(cpu_ms),
            generator: usage(0),
            busy_ticks: cpu_ms / 10,
            server_resident_bytes: at_ms,
            totals: vec![("pages", 3), ("acked", acked)],
        }
    }

    #[test]
    fn rates_are_those_between_two_samples() {
        let timeline = Timeline {
            clock: Clock::start(),
            server: 0,
            samples: vec![sample(1000, 100, 0), sample(1500, 600, 100), sample(2500, 800, 1100)],
        };
        let spent = timeline.spent();
        assert_eq!((spent.seconds, spent.server.cpu_ns()), (1.5, 1_100_000_000));
        assert_eq!(spent.server_resident_bytes, 2500);
        let json = serde_json::to_value(timeline.chart()).unwrap();
        let curve = |index: usize| &json["series"][index]["points"];
        assert_eq!(curve(0), &serde_json::json!([[0.25, 1000.0], [1.0, 200.0]]));
        assert_eq!(curve(1), &serde_json::json!([[0.25, 0.2], [1.0, 1.0]]));
    }

    #[test]
    fn a_long_run_has_no_more_samples_than_a_plot_shows() {
        assert_eq!(interval(Duration::from_secs(6)), SHORTEST_INTERVAL);
        let hour = Duration::from_secs(3600);
        assert_eq!(hour.div_duration_f64(interval(hour)), f64::from(MOST_SAMPLES));
    }

    #[test]
    fn a_recorder_samples_until_it_is_stopped() {
        let total = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&total);
        let totals = move || vec![("done", counted.load(Ordering::Relaxed))];
        let recorder = Recorder::start(Clock::start(), std::process::id(), totals).unwrap();
        std::thread::sleep(SHORTEST_INTERVAL + SHORTEST_INTERVAL / 2);
        total.store(7, Ordering::Relaxed);
        let timeline = recorder.stop().unwrap();
        let done: Vec<u64> = timeline.samples.iter().map(|sample| sample.totals[0].1).collect();
        assert_eq!((done.first(), done.last()), (Some(&0), Some(&7)));
        assert!(done.len() >= 3, "{done:?}");
        assert!(timeline.spent().seconds >= 1.5 * SHORTEST_INTERVAL.as_secs_f64());
    }
}
