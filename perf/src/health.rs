//! Asks the server for its health while something else goes on.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::error::Result;
use crate::histogram::{new_histogram, record};
use crate::load::clock::{Clock, nanoseconds};

/// How often it is asked.
const INTERVAL: Duration = Duration::from_millis(20);

/// How long an answer may take until it counts as none.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A thread that asks, each time on a new connection as supervisors and load balancers do.
pub struct Probe {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Answers>,
}

/// What it was answered.
pub struct Answers {
    /// Microseconds from when the question was due to the whole answer.
    pub latency: Histogram<u64>,
    /// Questions without a good answer.
    pub failed: u64,
}

impl Probe {
    /// Begins to ask.
    pub fn start(address: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || ask_until(address, &stopped));
        Self { stop, thread }
    }

    /// Ends after the question that is under way.
    pub fn stop(self) -> Result<Answers> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread
            .join()
            .map_err(|_| "the thread that asks for health panicked".into())
    }
}

/// A question that is due while the one before waits is asked late and counts from when it was due.
fn ask_until(address: SocketAddr, stopped: &AtomicBool) -> Answers {
    let clock = Clock::start();
    let mut answers = Answers {
        latency: new_histogram(),
        failed: 0,
    };
    let mut due = clock.ns();
    while !stopped.load(Ordering::Relaxed) {
        clock.sleep_until(due);
        let answer = ask(address);
        record(&mut answers.latency, due, clock.ns());
        answers.failed += u64::from(!answer.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 ")));
        due += nanoseconds(INTERVAL);
    }
    answers
}

fn ask(address: SocketAddr) -> Result<String> {
    let mut socket = TcpStream::connect_timeout(&address, TIMEOUT)?;
    socket.set_read_timeout(Some(TIMEOUT))?;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes())?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn slow_and_bad_answers_are_seen() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let probe = Probe::start(address);
        for (number, status) in [200, 503, 200].into_iter().enumerate() {
            let (mut socket, _) = listener.accept().unwrap();
            let _ = socket.read(&mut [0; 256]).unwrap();
            std::thread::sleep(Duration::from_millis(100 * u64::from(number == 0)));
            write!(socket, "HTTP/1.1 {status} So\r\n\r\n").unwrap();
        }
        drop(listener);
        let answers = probe.stop().unwrap();
        assert!(answers.latency.max() >= 100_000);
        // The second was late because of the first.
        assert!(answers.latency.value_at_quantile(0.6) >= 60_000 || answers.latency.len() > 3);
        assert!(answers.failed >= 1 && answers.failed < answers.latency.len());
    }
}
