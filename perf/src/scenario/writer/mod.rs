//! The store alone: what a message costs while the file grows, all merging and checkpoints included.

mod growing;
mod memory;
mod outsider;
mod stopwatch;

use std::path::Path;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use ringim::domain::facts::FactSource;
use ringim::store::sqlite;

use crate::error::Result;
use crate::histogram::new_histogram;
use crate::options::WriterOptions;
use crate::process::{self, Usage};
use crate::progress::Progress;
use crate::report::{Chart, Faults, Report};
use growing::Growing;
use memory::DatabaseFile;
use outsider::Outsider;

/// Rows of one point of the curves.
const STRETCH: u64 = 500_000;

/// Stretches that make a million rows.
const MILLION_STRETCHES: usize = 2;

/// Pages read for one point.
const PAGES: u32 = 2_000;

/// Pages read at the end from a file that no memory holds.
const COLD_PAGES: u32 = 200;

/// Conversations read as a whole for one point.
const CONVERSATIONS: u32 = 500;

/// Ids that a starting server asks for.
const RECENT_IDS: usize = 1_000_000;

/// How long the thread that checkpoints gets to finish at the end.
const SETTLING: Duration = Duration::from_millis(500);

/// Rows from one point of the curves to the next.
struct Stretch {
    /// Rows of the file at its end.
    rows: u64,
    /// Rows written in it.
    written: f64,
    seconds: f64,
    spent: Usage,
    /// Microseconds of each commit, with the background work before the next one.
    commits: Histogram<u64>,
    /// The same without waiting for a CPU.
    own_commits: Histogram<u64>,
    /// Microseconds of each page, when memory holds the file.
    pages: Histogram<u64>,
    /// Bytes that had to come from storage for these pages all the same.
    fetched_bytes: u64,
    /// Microseconds of each conversation, read as a whole through `v1_messages`.
    conversations: Histogram<u64>,
}

/// Runs the scenario.
pub fn run(options: &WriterOptions) -> Result<Report> {
    let progress = Progress::start("writer");
    progress.step("creating conversations");
    let folder = tempfile::TempDir::with_prefix_in("ringim-perf-", &options.data_under)?;
    let mut store = Growing::create(folder.path(), options.conversations)?;
    let mut file = DatabaseFile::open(folder.path())?;
    let outsider = Outsider::open(folder.path())?;
    progress.step("growing");
    let (mut stretches, mut faults) = (Vec::new(), Faults::default());
    while store.rows() < options.rows {
        let stretch = grow(&mut store, &mut file, &outsider, options, &mut faults)?;
        progress.passed(Duration::ZERO, format!("{} rows", stretch.rows));
        stretches.push(stretch);
    }
    progress.step("reading what no memory holds");
    file.forget()?;
    let cold_pages = read(COLD_PAGES, &mut faults, || store.read_page())?;
    file.load()?;
    progress.step("settling");
    let before = Usage::of(std::process::id())?;
    let slices = store.settle()?;
    std::thread::sleep(SETTLING);
    let settled = &Usage::of(std::process::id())? - &before;
    drop(store);
    let (opened, known) = open_again(folder.path())?;

    let mut report = Report::new("writer");
    report.parameter("rows", options.rows);
    report.parameter("batch", options.batch);
    report.parameter("conversations", options.conversations);
    report.parameter("sqlite", rusqlite::version());
    report.parameter("kernel", process::kernel_release());
    add_figures(&mut report, &stretches, &settled);
    report.figure("opened again in", opened.as_secs_f64() * 1e3, "ms");
    report.figure("newest million ids known after", known.as_secs_f64() * 1e3, "ms");
    add_latencies(&mut report, &stretches, &slices);
    report.latency("page of 50, nothing in memory", &cold_pages);
    report.growth(chart(&stretches));
    report.growth(reading_chart(&stretches));
    report.faults(&faults);
    Ok(report)
}

/// How long it takes until the store is open, and until the newest ids are known as well.
fn open_again(folder: &Path) -> Result<(Duration, Duration)> {
    let started = Instant::now();
    let mut backend = sqlite::open(folder)?;
    let opened = started.elapsed();
    backend
        .recent_ids(RECENT_IDS, &mut |_, _, _| ())
        .map_err(|error| format!("the newest ids are not known: {error:?}"))?;
    Ok((opened, started.elapsed()))
}

/// Writes the rows of a stretch, then reads pages and conversations.
fn grow(
    store: &mut Growing,
    file: &mut DatabaseFile,
    outsider: &Outsider,
    options: &WriterOptions,
    faults: &mut Faults,
) -> Result<Stretch> {
    let (started, before, from) = (Instant::now(), Usage::of(std::process::id())?, store.rows());
    let (mut commits, mut own_commits) = (new_histogram(), new_histogram());
    while store.rows() < options.rows.min(from + STRETCH) {
        let size = options.batch.min(options.rows - store.rows());
        let taken = store.write_batch(size)?;
        commits.saturating_record(taken.clock.as_micros() as u64);
        own_commits.saturating_record(taken.own.as_micros() as u64);
    }
    let seconds = started.elapsed().as_secs_f64();
    let spent = &Usage::of(std::process::id())? - &before;
    file.load()?;
    let before_pages = Usage::of(std::process::id())?;
    let pages = read(PAGES, faults, || store.read_page())?;
    let fetched_bytes = (&Usage::of(std::process::id())? - &before_pages).read_bytes;
    Ok(Stretch {
        rows: store.rows(),
        written: (store.rows() - from) as f64,
        seconds,
        spent,
        commits,
        own_commits,
        pages,
        fetched_bytes,
        conversations: read(CONVERSATIONS, faults, || store.read_conversation(outsider))?,
    })
}

/// Reads so many times; returns microseconds of each, and counts those that did not bring what they should.
fn read(times: u32, faults: &mut Faults, mut act: impl FnMut() -> Result<(Duration, bool)>) -> Result<Histogram<u64>> {
    let mut histogram = new_histogram();
    for _ in 0..times {
        let (time, is_right) = act()?;
        histogram.saturating_record(time.as_micros() as u64);
        faults.wrong_pages += u64::from(!is_right);
    }
    Ok(histogram)
}

/// Rows a second over some stretches.
fn rate(stretches: &[Stretch]) -> f64 {
    let sum = |part: fn(&Stretch) -> f64| stretches.iter().map(part).sum::<f64>();
    sum(|stretch| stretch.written) / sum(|stretch| stretch.seconds)
}

impl Stretch {
    fn cpu_us(&self) -> f64 {
        self.spent.cpu_ns() as f64 / 1e3 / self.written
    }

    fn disk_bytes(&self) -> f64 {
        self.spent.written_bytes as f64 / self.written
    }
}

fn add_figures(report: &mut Report, stretches: &[Stretch], settled: &Usage) {
    let (Some(first), Some(last)) = (stretches.first(), stretches.last()) else {
        return;
    };
    let total = |part: fn(&Stretch) -> f64| stretches.iter().map(part).sum::<f64>();
    let rows = last.rows as f64;
    let million = MILLION_STRETCHES.min(stretches.len());
    report.figure("rows", rate(stretches), "1/s");
    report.compared_figure(
        "last million's rate to the first's",
        rate(&stretches[stretches.len() - million..]) / rate(&stretches[..million]),
        "",
        "at least 0.8 at ten million rows",
    );
    let cpu = total(|stretch| stretch.spent.cpu_ns() as f64) + settled.cpu_ns() as f64;
    report.figure("CPU per row", cpu / rows / 1e3, "us, generating and settling included");
    report.figure("last CPU per row to the first", last.cpu_us() / first.cpu_us(), "");
    let written = total(|stretch| stretch.spent.written_bytes as f64) + settled.written_bytes as f64;
    report.compared_figure(
        "disk bytes per row",
        written / rows,
        "B",
        "at most 2048, settling included",
    );
}

fn add_latencies(report: &mut Report, stretches: &[Stretch], slices: &Histogram<u64>) {
    let (mut commits, mut own_commits) = (new_histogram(), new_histogram());
    for stretch in stretches {
        commits += &stretch.commits;
        own_commits += &stretch.own_commits;
    }
    let mut judged = |name, histogram: &Histogram<u64>, quantile, note| {
        report.compared_figure(name, milliseconds(histogram, quantile), "ms", note);
    };
    judged("commit p99.9", &commits, 0.999, "under 50, on the clock");
    let note = "on a CPU or blocked, without waiting for a CPU";
    judged("commit p99.9, our own time", &own_commits, 0.999, note);
    if let Some(last) = stretches.last() {
        judged(
            "page of 50 p99",
            &last.pages,
            0.99,
            "under 1, at the end, the file in memory",
        );
        let note = "under 5, at the end, all columns of one conversation";
        judged("v1_messages p50", &last.conversations, 0.5, note);
        judged("v1_messages p99", &last.conversations, 0.99, note);
        report.figure(
            "fetched from storage per page",
            last.fetched_bytes as f64 / f64::from(PAGES),
            "B, at the end",
        );
        report.latency("page of 50, at the end", &last.pages);
        report.latency("v1_messages, at the end", &last.conversations);
    }
    report.latency("commit", &commits);
    report.latency("commit, our own time", &own_commits);
    report.latency("slice of idle upkeep", slices);
}

/// A quantile of a histogram of microseconds.
fn milliseconds(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 / 1e3
}

fn chart(stretches: &[Stretch]) -> Chart {
    let mut chart = Chart::new(
        "Growth",
        ("rows in the store", ""),
        "Level curves mean that a message costs the same however many there are.",
    );
    for stretch in stretches {
        let rows = stretch.rows as f64;
        chart.point("rows written", "1/s", rows, rate(std::slice::from_ref(stretch)));
        chart.point("CPU per row", "us", rows, stretch.cpu_us());
        chart.point("disk bytes per row", "B", rows, stretch.disk_bytes());
        chart.point("commit p50", "ms", rows, milliseconds(&stretch.commits, 0.5));
        chart.point("commit p99.9", "ms", rows, milliseconds(&stretch.commits, 0.999));
        let own = milliseconds(&stretch.own_commits, 0.999);
        chart.point("commit p99.9, our own time", "ms", rows, own);
        chart.point("commit max", "ms", rows, milliseconds(&stretch.commits, 1.0));
    }
    chart
}

fn reading_chart(stretches: &[Stretch]) -> Chart {
    let mut chart = Chart::new(
        "Reading while it grows",
        ("rows in the store", ""),
        "A page has 50 messages; through v1_messages another system reads a whole conversation, which grows too.",
    );
    for stretch in stretches {
        let rows = stretch.rows as f64;
        chart.point("page p99", "ms", rows, milliseconds(&stretch.pages, 0.99));
        for (name, quantile) in [("v1_messages p50", 0.5), ("v1_messages p99", 0.99)] {
            chart.point(name, "ms", rows, milliseconds(&stretch.conversations, quantile));
        }
    }
    chart
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Document;

    #[test]
    fn a_small_store_grows_and_its_pages_are_right() {
        let options = WriterOptions {
            rows: 2_500,
            batch: 400,
            conversations: 20,
            data_under: std::env::temp_dir(),
        };
        let report = run(&options).unwrap();
        assert!(report.is_sound());
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["parameters"]["rows"], 2_500);
        assert!(json.to_string().contains("disk bytes per row"));
        let value = |name| report.value(name).unwrap();
        assert!(value("v1_messages p50") > 0.0 && value("v1_messages p50") <= value("v1_messages p99"));
        let (own, clock) = (value("commit p99.9, our own time"), value("commit p99.9"));
        assert!(own > 0.0 && own <= clock, "{own} of {clock}");
    }
}
