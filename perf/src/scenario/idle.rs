//! Authenticated connections that do nothing: what each costs in memory.

use std::time::Duration;

use super::note_server;
use crate::error::Result;
use crate::load::book::{Book, Room, Sender};
use crate::load::client::Transport;
use crate::load::clock::{Clock, Phases};
use crate::load::message_id::MessageIds;
use crate::load::wire::Template;
use crate::load::worker::{Pace, Worker};
use crate::options::{IdleOptions, seconds};
use crate::process::{self, Usage};
use crate::report::{Faults, Report};
use crate::server::Server;

/// How long a pair may take to exchange a message after everybody was idle.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// Memory of the server process and of the kernel.
struct Memory {
    process: u64,
    kernel: u64,
}

impl Memory {
    fn now(server: u32) -> Result<Self> {
        Ok(Self {
            process: process::resident_bytes(server)?,
            kernel: process::kernel_bytes()?,
        })
    }
}

/// Runs the scenario.
pub fn run(options: &IdleOptions) -> Result<Report> {
    raise_file_limit()?;
    let server = Server::start(&options.server)?;
    let names: Vec<String> = (0..options.connections.max(2))
        .map(|number| format!("u{number}"))
        .collect();
    let tokens = server.create_users(&names)?;
    let before = Memory::now(server.pid())?;

    let clock = Clock::start();
    let book = Book::new(MessageIds::random(), 0, pair(&names), names.len());
    let mut worker = Worker::connect(server.address(), &tokens, |_| Transport::WebSocket, book)?;
    let connect_seconds = clock.ns() as f64 / 1e9;
    stay_idle(&mut worker, clock, options.seconds)?;
    let spent_before = Usage::of(server.pid())?;
    stay_idle(&mut worker, clock, options.seconds)?;
    let spent = &Usage::of(server.pid())? - &spent_before;
    let after = Memory::now(server.pid())?;
    probe(&mut worker, clock)?;
    let stopped = server.stop()?;

    let each = |before: u64, after: u64| (after as f64 - before as f64) / names.len() as f64;
    let mut report = Report::new("idle");
    report.parameter("connections", names.len());
    note_server(&mut report, &options.server);
    report.compared_figure(
        "process memory per connection",
        each(before.process, after.process),
        "B",
        "at most 1536",
    );
    report.figure(
        "kernel memory per connection",
        each(before.kernel, after.kernel),
        "B, both ends",
    );
    report.figure("process memory before", before.process as f64 / 1048576.0, "MiB");
    report.figure("process memory idle", after.process as f64 / 1048576.0, "MiB");
    report.figure("CPU while idle", spent.cpu_ns() as f64 / options.seconds / 1e6, "ms/s");
    report.figure("connected in", connect_seconds, "s");
    report.latency("send to receive, afterwards", &worker.book.delivery_latency);
    report.faults(&worker.book.faults);
    report.faults(&Faults {
        failed_stops: u64::from(!stopped.status.success()),
        ..Faults::default()
    });
    Ok(report)
}

/// The first two clients, which write to each other at the end.
fn pair(names: &[String]) -> Vec<Sender> {
    let room = Room {
        first_client: 0,
        members: 2,
    };
    let sender = |client: usize| {
        Sender::new(
            client as u32,
            room,
            Template::new(Transport::WebSocket, &names[1 - client], "single", "still there?"),
        )
    };
    vec![sender(0), sender(1)]
}

fn stay_idle(worker: &mut Worker, clock: Clock, time: f64) -> Result<()> {
    // Something is awaited until the time is up: the end of the measurement.
    let phases = Phases::after(clock.ns(), Duration::ZERO, seconds(time), Duration::ZERO);
    worker.run(clock, phases, Pace::Silent)
}

/// Lets both of the pair write once.
fn probe(worker: &mut Worker, clock: Clock) -> Result<()> {
    let phases = Phases::after(clock.ns(), Duration::ZERO, Duration::from_millis(1), PROBE_TIMEOUT);
    worker.run(clock, phases, Pace::Window(1))?;
    worker.book.close();
    Ok(())
}

/// Every client is a file of this process.
fn raise_file_limit() -> Result<()> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}
