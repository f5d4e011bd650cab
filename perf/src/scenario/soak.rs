//! A long day: whether memory, descriptors, disk and CPU stay level while everything is used.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::day::Day;
use crate::error::{Error, Result};
use crate::load::clock::{Clock, nanoseconds};
use crate::options::{LoadOptions, SoakOptions};
use crate::process::{self, Usage};
use crate::progress::Progress;
use crate::report::{Chart, Faults, MEBIBYTE, Report, rounded};

/// Samples of a run.
const SAMPLES: f64 = 40.0;

/// The shortest time between two samples.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(500);

/// Bytes that the server may keep for each message: it remembers the newest million ids.
const MEMORY_PER_MESSAGE: f64 = 256.0;

/// Bytes of memory that may come and go.
const MEMORY_SLACK: f64 = 16.0 * MEBIBYTE;

/// Descriptors that may come and go: connections that end and begin, files of the database.
const DESCRIPTOR_SLACK: f64 = 64.0;

/// Bytes on the disk for each message, merges that are under way included.
const DISK_PER_MESSAGE: f64 = 2048.0;

/// Bytes of the journal that may come and go.
const DISK_SLACK: f64 = 128.0 * MEBIBYTE;

/// How much more CPU time an event may take in the second half than in the first.
const CPU_RATIO: f64 = 1.5;

/// The server at one moment.
#[derive(Debug, Clone, Copy)]
struct Sample {
    seconds: f64,
    memory: f64,
    descriptors: f64,
    disk: f64,
    cpu_seconds: f64,
}

impl Sample {
    fn take(clock: Clock, server: u32, folder: &Path) -> Result<Self> {
        Ok(Self {
            seconds: clock.ns() as f64 / 1e9,
            memory: process::resident_bytes(server)? as f64,
            descriptors: process::descriptors(server)? as f64,
            disk: folder_bytes(folder)? as f64,
            cpu_seconds: Usage::of(server)?.cpu_ns() as f64 / 1e9,
        })
    }

    /// CPUs that the server used from this moment on.
    fn cpus_until(&self, later: &Self) -> f64 {
        (later.cpu_seconds - self.cpu_seconds) / (later.seconds - self.seconds)
    }
}

/// Runs the scenario.
pub fn run(options: &SoakOptions) -> Result<Report> {
    let progress = Progress::start("soak");
    let load = LoadOptions {
        seconds: options.minutes * 60.0,
        ..options.mixed.load.clone()
    };
    let mut day = Day::begin(&options.mixed, &progress)?;
    let interval = Duration::from_secs_f64(load.seconds / SAMPLES).max(SHORTEST_INTERVAL);
    let (server, database) = (day.server_pid(), day.database());
    let folder = database.parent().ok_or("the database is in no folder")?;
    let over = AtomicBool::new(false);
    let (timeline, samples) = std::thread::scope(|scope| {
        let watch = scope.spawn(|| watch(&over, interval, server, folder));
        let timeline = day.pass(&load, &progress);
        over.store(true, Ordering::Relaxed);
        let samples = watch.join().map_err(|_| "the thread that samples panicked")?;
        Ok::<_, Error>((timeline?, samples?))
    })?;
    let messages_per_second = day.acked_messages() as f64 / timeline.spent().seconds;
    let mut report = Report::new("soak");
    report.parameter("minutes", options.minutes);
    day.end(&mut report, &options.mixed, &timeline)?;
    report.growth(chart(&samples));
    let faults = judge(&mut report, &samples, messages_per_second);
    report.faults(&faults);
    Ok(report)
}

/// Samples until the run is over.
fn watch(over: &AtomicBool, interval: Duration, server: u32, folder: &Path) -> Result<Vec<Sample>> {
    let clock = Clock::start();
    let mut samples = Vec::new();
    while !over.load(Ordering::Relaxed) {
        samples.push(Sample::take(clock, server, folder)?);
        clock.sleep_until(samples.len() as u64 * nanoseconds(interval));
    }
    Ok(samples)
}

/// How much something grew in the second half, and how much it may.
struct Growth {
    name: &'static str,
    unit: &'static str,
    value: f64,
    bound: f64,
}

/// Adds how much everything grew in the second half, and counts the bounds that were broken.
fn judge(report: &mut Report, samples: &[Sample], messages_per_second: f64) -> Faults {
    let (Some(first), Some(middle), Some(last)) = (samples.first(), samples.get(samples.len() / 2), samples.last())
    else {
        return Faults::default();
    };
    let mut faults = Faults::default();
    for growth in growths(first, middle, last, messages_per_second) {
        let note = format!("at most {}", rounded(growth.bound));
        report.compared_figure(growth.name, growth.value, growth.unit, note);
        faults.outgrown += u64::from(growth.value > growth.bound);
    }
    faults
}

fn growths(first: &Sample, middle: &Sample, last: &Sample, messages_per_second: f64) -> [Growth; 4] {
    let messages = messages_per_second * (last.seconds - middle.seconds);
    [
        Growth {
            name: "memory grown in the second half",
            unit: "MiB",
            value: (last.memory - middle.memory) / MEBIBYTE,
            bound: (MEMORY_SLACK + MEMORY_PER_MESSAGE * messages) / MEBIBYTE,
        },
        Growth {
            name: "descriptors grown in the second half",
            unit: "",
            value: last.descriptors - middle.descriptors,
            bound: DESCRIPTOR_SLACK,
        },
        Growth {
            name: "disk grown in the second half",
            unit: "MiB",
            value: (last.disk - middle.disk) / MEBIBYTE,
            bound: (DISK_SLACK + DISK_PER_MESSAGE * messages) / MEBIBYTE,
        },
        Growth {
            name: "CPU of the second half to the first",
            unit: "",
            value: middle.cpus_until(last) / first.cpus_until(middle),
            bound: CPU_RATIO,
        },
    ]
}

fn chart(samples: &[Sample]) -> Chart {
    let mut chart = Chart::new(
        "Growth",
        ("time since the run began", "s"),
        "Level curves mean a server that can run for ever; the disk grows with the messages.",
    );
    for pair in samples.windows(2) {
        let (earlier, sample) = (&pair[0], &pair[1]);
        chart.point("memory", "MiB", sample.seconds, sample.memory / MEBIBYTE);
        chart.point("data folder", "MiB", sample.seconds, sample.disk / MEBIBYTE);
        chart.point("descriptors", "", sample.seconds, sample.descriptors);
        chart.point("server", "CPUs", sample.seconds, earlier.cpus_until(sample));
    }
    chart
}

/// Bytes of the files in a folder, which may come and go.
fn folder_bytes(folder: &Path) -> Result<u64> {
    let files = std::fs::read_dir(folder)?;
    let sizes = files.filter_map(|file| file.ok()?.metadata().ok());
    Ok(sizes.map(|file| file.len()).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(change: impl Fn(f64, &mut Sample)) -> Vec<Sample> {
        let sample = |second: u32| {
            let seconds = f64::from(second);
            let mut sample = Sample {
                seconds,
                memory: 50.0 * MEBIBYTE,
                descriptors: 1000.0,
                disk: 300.0 * 1000.0 * seconds,
                cpu_seconds: 0.1 * seconds,
            };
            change(seconds, &mut sample);
            sample
        };
        (0..600).map(sample).collect()
    }

    fn outgrown(change: impl Fn(f64, &mut Sample)) -> u64 {
        judge(&mut Report::new("soak"), &samples(change), 1000.0).outgrown
    }

    #[test]
    fn level_curves_pass_and_each_leak_is_seen() {
        assert_eq!(outgrown(|_, _| ()), 0);
        assert_eq!(outgrown(|seconds, sample| sample.memory += 400.0 * 1000.0 * seconds), 1);
        assert_eq!(outgrown(|seconds, sample| sample.descriptors += seconds), 1);
        assert_eq!(outgrown(|seconds, sample| sample.disk *= seconds.max(1.0)), 1);
        assert_eq!(outgrown(|seconds, sample| sample.cpu_seconds *= seconds), 1);
    }
}
