//! What the running server counts, and its text for Prometheus.
//!
//! Each counter is written by one thread alone, so counting costs a load and a store, no locked instruction.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

use super::outbound;
use crate::domain::event::{CommittedBatch, Event};

/// A number that one thread changes and any thread reads.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds, on the one thread that owns the counter.
    pub fn add(&self, amount: u64) {
        self.0.store(self.get().wrapping_add(amount), Ordering::Relaxed);
    }

    /// Subtracts, on the one thread that owns the counter.
    pub fn sub(&self, amount: u64) {
        self.0.store(self.get().wrapping_sub(amount), Ordering::Relaxed);
    }

    /// Replaces the value, on the one thread that owns the counter.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// The present value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one shard counts. Aligned so that no two shards write to the same cache line.
#[derive(Default)]
#[repr(align(128))]
pub struct ShardCounters {
    /// Open now.
    pub connections_open: Counter,
    /// Since the start.
    pub connections_accepted: Counter,
    /// Reads that brought bytes.
    pub reads: Counter,
    /// Writes begun.
    pub writes: Counter,
    /// Bytes that arrived.
    pub bytes_received: Counter,
    /// Bytes given to the kernel.
    pub bytes_sent: Counter,
    /// Commands handed to the writer.
    pub submissions: Counter,
    /// WebSockets of users, now.
    pub sessions: Counter,
    /// Events pushed to them.
    pub deliveries: Counter,
}

/// Microseconds; longer commits count as so long.
const LONGEST_COMMIT_US: u64 = 600_000_000;

/// Commands; larger commits count as so large.
const LARGEST_COMMIT: u64 = 1_000_000;

/// What the writer counts.
pub struct WriterMetrics {
    commits: Counter,
    commands: Counter,
    messages: Counter,
    histograms: Mutex<CommitHistograms>,
}

struct CommitHistograms {
    microseconds: Histogram<u64>,
    commands: Histogram<u64>,
}

impl Default for WriterMetrics {
    fn default() -> Self {
        let up_to = |most| Histogram::new_with_max(most, 2).expect("two digits are supported");
        Self {
            commits: Counter::default(),
            commands: Counter::default(),
            messages: Counter::default(),
            histograms: Mutex::new(CommitHistograms {
                microseconds: up_to(LONGEST_COMMIT_US),
                commands: up_to(LARGEST_COMMIT),
            }),
        }
    }
}

impl WriterMetrics {
    /// Counts one commit and what it took.
    pub fn committed(&self, batch: &CommittedBatch, took: Duration) {
        let commands = batch.settlements.len() as u64;
        let messages = batch
            .events
            .iter()
            .filter(|event| matches!(event, Event::Message { .. }))
            .count();
        self.commits.add(1);
        self.commands.add(commands);
        self.messages.add(messages as u64);
        let mut histograms = self.histograms.lock().unwrap_or_else(PoisonError::into_inner);
        histograms
            .microseconds
            .saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        histograms.commands.saturating_record(commands);
    }
}

/// Numbers that are looked up when somebody asks.
#[derive(Clone, Copy, Default, Debug)]
pub struct Gauges {
    /// Batches waiting for the writer.
    pub writer_queue: usize,
    /// Queries waiting for a reader.
    pub reader_queue: usize,
    /// Passwords waiting to be hashed.
    pub password_queue: usize,
    /// Messages waiting for the shards, over all of them.
    pub mailboxes: usize,
    /// Bytes of the write-ahead log.
    pub wal_bytes: u64,
    /// What the webhook sender counts.
    pub webhooks: outbound::Counts,
}

/// Everything that is counted in the process.
pub struct Metrics {
    /// By the shard's number.
    pub shards: Box<[ShardCounters]>,
    /// The writer's.
    pub writer: WriterMetrics,
}

impl Metrics {
    /// Zero, for so many shards.
    pub fn new(shards: u16) -> Self {
        Self {
            shards: (0..shards).map(|_| ShardCounters::default()).collect(),
            writer: WriterMetrics::default(),
        }
    }

    /// Connections open on all shards.
    pub fn connections_open(&self) -> u64 {
        self.sum(|shard| &shard.connections_open)
    }

    /// The text of `/metrics` (Prometheus text format 0.0.4).
    pub fn render(&self, gauges: &Gauges) -> String {
        let mut text = String::with_capacity(4096);
        self.render_shards(&mut text);
        self.render_writer(&mut text);
        for (queue, depth) in [
            ("writer", gauges.writer_queue),
            ("readers", gauges.reader_queue),
            ("passwords", gauges.password_queue),
            ("mailboxes", gauges.mailboxes),
        ] {
            let name = format!("ringim_queue_depth{{queue=\"{queue}\"}}");
            line(&mut text, "gauge", &name, depth as u64);
        }
        line(&mut text, "gauge", "ringim_wal_bytes", gauges.wal_bytes);
        for (result, count) in [
            ("delivered", gauges.webhooks.delivered),
            ("failed", gauges.webhooks.failed),
        ] {
            let name = format!("ringim_webhook_attempts_total{{result=\"{result}\"}}");
            line(&mut text, "counter", &name, count);
        }
        line(&mut text, "gauge", "ringim_webhook_lag_positions", gauges.webhooks.lag);
        text
    }

    fn render_shards(&self, text: &mut String) {
        line(text, "gauge", "ringim_connections", self.connections_open());
        line(text, "gauge", "ringim_sessions", self.sum(|shard| &shard.sessions));
        let accepted = self.sum(|shard| &shard.connections_accepted);
        line(text, "counter", "ringim_connections_accepted_total", accepted);
        line(text, "counter", "ringim_reads_total", self.sum(|shard| &shard.reads));
        line(text, "counter", "ringim_writes_total", self.sum(|shard| &shard.writes));
        line(
            text,
            "counter",
            "ringim_received_bytes_total",
            self.sum(|shard| &shard.bytes_received),
        );
        line(
            text,
            "counter",
            "ringim_sent_bytes_total",
            self.sum(|shard| &shard.bytes_sent),
        );
        line(
            text,
            "counter",
            "ringim_submissions_total",
            self.sum(|shard| &shard.submissions),
        );
        line(
            text,
            "counter",
            "ringim_deliveries_total",
            self.sum(|shard| &shard.deliveries),
        );
    }

    fn render_writer(&self, text: &mut String) {
        line(text, "counter", "ringim_commits_total", self.writer.commits.get());
        line(text, "counter", "ringim_commands_total", self.writer.commands.get());
        line(text, "counter", "ringim_messages_total", self.writer.messages.get());
        let histograms = self.writer.histograms.lock().unwrap_or_else(PoisonError::into_inner);
        summary(text, "ringim_commit_microseconds", &histograms.microseconds);
        summary(text, "ringim_commit_commands", &histograms.commands);
    }

    fn sum(&self, counter: impl Fn(&ShardCounters) -> &Counter) -> u64 {
        self.shards.iter().map(|shard| counter(shard).get()).sum()
    }
}

/// One sample; the type is said before the first sample of a name.
fn line(text: &mut String, kind: &str, sample: &str, value: u64) {
    let name = sample.split('{').next().unwrap_or(sample);
    let heading = format!("# TYPE {name} {kind}\n");
    if !text.contains(&heading) {
        text.push_str(&heading);
    }
    let _ = writeln!(text, "{sample} {value}");
}

fn summary(text: &mut String, name: &str, histogram: &Histogram<u64>) {
    for quantile in [0.5, 0.99, 0.999, 1.0] {
        let sample = format!("{name}{{quantile=\"{quantile}\"}}");
        line(text, "summary", &sample, histogram.value_at_quantile(quantile));
    }
    let _ = writeln!(text, "{name}_count {}", histogram.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_sums_the_shards_and_names_each_type_once() {
        let metrics = Metrics::new(2);
        metrics.shards[0].connections_open.add(3);
        metrics.shards[1].connections_open.add(2);
        metrics.shards[1].connections_open.sub(1);
        metrics.shards[0].sessions.set(5);
        metrics.shards[0].sessions.set(2);
        metrics.shards[1].deliveries.set(9);
        metrics
            .writer
            .committed(&CommittedBatch::default(), Duration::from_millis(400));
        let text = metrics.render(&Gauges {
            writer_queue: 7,
            ..Gauges::default()
        });
        assert!(text.contains("ringim_connections 4\n"), "{text}");
        assert!(text.contains("\nringim_sessions 2\n") && text.contains("\nringim_deliveries_total 9\n"));
        assert!(text.contains("\nringim_queue_depth{queue=\"writer\"} 7\n"), "{text}");
        assert!(text.contains("\nringim_commit_microseconds_count 1\n"), "{text}");
        let longest = text
            .lines()
            .find_map(|line| line.strip_prefix("ringim_commit_microseconds{quantile=\"1\"} "));
        let longest: u64 = longest.unwrap().parse().unwrap();
        assert!((400_000..404_000).contains(&longest), "{text}");
        assert_eq!(text.matches("# TYPE ringim_queue_depth gauge\n").count(), 1);
        assert_eq!(text.matches("# TYPE ringim_commit_microseconds summary\n").count(), 1);
    }
}
