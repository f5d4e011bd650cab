//! The log: structured events, written to standard error by a thread of their own.
//!
//! A slow terminal or pipe must not stop a shard, so a line that finds the queue full is dropped and
//! counted. Text from outside cannot forge a line: control characters are escaped.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use tracing::Level;
use tracing::subscriber::{SetGlobalDefaultError, Subscriber};
use tracing_subscriber::fmt::MakeWriter;

use crate::base::limits;
use crate::config::{Log, LogFormat, LogLevel};

/// How long the end of the process waits for the last lines.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Keeps the log's thread running; dropped at the end of the process, it sees the last lines written.
pub struct LogGuard {
    lines: Sender<Entry>,
}

enum Entry {
    Line(Vec<u8>),
    /// Answer when everything before is written.
    Flush(Sender<()>),
}

/// Starts the log of this process. Fails when it has one already.
pub fn start(log: Log) -> Result<LogGuard, SetGlobalDefaultError> {
    let (queue, guard) = spawn(log.format, io::stderr());
    tracing::subscriber::set_global_default(subscriber(log, queue))?;
    Ok(guard)
}

fn subscriber(log: Log, queue: Queue) -> Box<dyn Subscriber + Send + Sync> {
    let level = match log.level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    };
    let builder = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .with_writer(queue);
    match log.format {
        LogFormat::Text => Box::new(builder.finish()),
        LogFormat::Json => Box::new(builder.json().flatten_event(true).finish()),
    }
}

fn spawn(format: LogFormat, output: impl Write + Send + 'static) -> (Queue, LogGuard) {
    let (sender, receiver) = bounded(limits::LOG_LINES);
    let dropped = Arc::new(AtomicU64::new(0));
    let queue = Queue {
        lines: sender.clone(),
        dropped: Arc::clone(&dropped),
    };
    thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || write_lines(&receiver, &dropped, format, output))
        .expect("a process that starts can have a thread");
    (queue, LogGuard { lines: sender })
}

/// Writes until every sender is gone. An output that fails is no reason to stop: it may be a closed pipe.
fn write_lines(lines: &Receiver<Entry>, dropped: &AtomicU64, format: LogFormat, mut output: impl Write) {
    for entry in lines {
        match entry {
            Entry::Line(line) => {
                let _ = output.write_all(&line);
            }
            Entry::Flush(done) => {
                let _ = output.flush();
                let _ = done.send(());
            }
        }
        match dropped.swap(0, Ordering::Relaxed) {
            0 => {}
            count => {
                let _ = output.write_all(gap(format, count).as_bytes());
            }
        }
    }
}

/// The line that stands for dropped ones.
fn gap(format: LogFormat, count: u64) -> String {
    let message = "log lines dropped, the output is too slow";
    match format {
        LogFormat::Text => format!("WARN {message} count={count}\n"),
        LogFormat::Json => format!("{{\"level\":\"WARN\",\"message\":\"{message}\",\"count\":{count}}}\n"),
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        let (done, flushed) = bounded(1);
        if self.lines.send_timeout(Entry::Flush(done), LAST_LINES).is_ok() {
            // A stuck output must not keep the process.
            let _ = flushed.recv_timeout(LAST_LINES);
        }
    }
}

/// Where events are written: the queue of the log's thread.
#[derive(Clone)]
struct Queue {
    lines: Sender<Entry>,
    dropped: Arc<AtomicU64>,
}

impl MakeWriter<'_> for Queue {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Write for Queue {
    /// `tracing_subscriber` writes each event by one call.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.lines.try_send(Entry::Line(escaped(line))).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The line with every control character but its own end escaped.
fn escaped(line: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(line);
    let body = text.strip_suffix('\n').unwrap_or(&text);
    if !body.contains(char::is_control) {
        return match text {
            Cow::Borrowed(text) => text.as_bytes().to_vec(),
            Cow::Owned(text) => text.into_bytes(),
        };
    }
    let mut plain = String::with_capacity(line.len() + 16);
    for letter in body.chars() {
        if letter.is_control() {
            plain.extend(letter.escape_default())
        } else {
            plain.push(letter)
        }
    }
    plain.push('\n');
    plain.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// An output that can be read, and held up by taking its lock.
    #[derive(Clone, Default)]
    struct Output(Arc<Mutex<Vec<u8>>>);

    impl Write for Output {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no test panics in it").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Output {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().expect("no test panics in it").clone()).expect("text")
        }
    }

    fn logged(level: LogLevel, format: LogFormat, events: impl FnOnce()) -> String {
        let output = Output::default();
        let (queue, guard) = spawn(format, output.clone());
        tracing::subscriber::with_default(subscriber(Log { level, format }, queue), events);
        drop(guard);
        output.text()
    }

    #[test]
    fn events_below_the_level_are_left_out() {
        let text = logged(LogLevel::Warn, LogFormat::Text, || {
            tracing::info!("quiet");
            tracing::warn!(user = "alice", "loud");
        });
        assert!(
            text.contains("WARN") && text.contains("loud user=\"alice\"") && !text.contains("quiet"),
            "{text}"
        );
    }

    #[test]
    fn json_is_one_object_a_line() {
        let text = logged(LogLevel::Info, LogFormat::Json, || {
            tracing::info!(user = "a\nb", "hello\nworld")
        });
        let line: serde_json::Value = serde_json::from_str(&text).expect("one object");
        assert_eq!(
            (&line["message"], &line["user"]),
            (&"hello\nworld".into(), &"a\nb".into())
        );
    }

    #[test]
    fn text_from_outside_cannot_forge_a_line_or_steer_a_terminal() {
        let evil = "x\n2026 ERROR forged\r\u{1b}[2J\u{85}";
        let text = logged(LogLevel::Info, LogFormat::Text, || tracing::info!(%evil, "{evil}"));
        assert_eq!(text.lines().count(), 1, "{text:?}");
        assert!(!text.trim_end_matches('\n').contains(char::is_control), "{text:?}");
        assert!(text.contains("x\\n2026 ERROR forged"), "{text:?}");
    }

    #[test]
    fn a_stuck_output_drops_and_counts_lines_and_stops_nobody() {
        let output = Output::default();
        let (mut queue, guard) = spawn(LogFormat::Text, output.clone());
        let held_up = output.0.lock().expect("free");
        let written = limits::LOG_LINES + 100;
        for _ in 0..written {
            queue.write_all(b"line\n").expect("never fails");
        }
        drop(held_up);
        drop(guard);
        let text = output.text();
        let kept = text.lines().filter(|line| *line == "line").count();
        let counted: usize = text
            .lines()
            .filter_map(|line| line.split_once("count=")?.1.parse::<usize>().ok())
            .sum();
        assert!((limits::LOG_LINES..=limits::LOG_LINES + 1).contains(&kept), "{kept}");
        assert_eq!(kept + counted, written);
    }
}
