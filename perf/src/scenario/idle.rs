//! Authenticated connections that do nothing: what each costs in memory.

use std::time::Duration;

use rustix::process::Signal;

use super::{note_server, raise_file_limit};
use crate::error::Result;
use crate::load::book::Book;
use crate::load::client::Transport;
use crate::load::clock::{Clock, Phases};
use crate::load::message_id::MessageIds;
use crate::load::sender::{Room, Sender};
use crate::load::wire::Template;
use crate::load::worker::{Pace, Worker};
use crate::options::{IdleOptions, seconds};
use crate::process::{self, Usage};
use crate::progress::Progress;
use crate::report::{Faults, MEBIBYTE, Report};
use crate::server::Server;
use crate::setup::Setup;

/// How long the sample chats after everybody was idle.
const CHAT_TIME: Duration = Duration::from_secs(2);

/// How long the last of its messages may take.
const CHAT_TIMEOUT: Duration = Duration::from_secs(30);

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

/// What was measured.
struct Idleness {
    before: Memory,
    connect_seconds: f64,
    /// While all were connected and nobody did anything.
    spent: Usage,
    after: Memory,
}

/// Runs the scenario.
pub fn run(options: &IdleOptions) -> Result<Report> {
    raise_file_limit()?;
    let progress = Progress::start("idle");
    progress.step("starting the server");
    let mut server = Server::start(&options.server)?;
    progress.step("creating users");
    let names: Vec<String> = (0..options.connections.max(2))
        .map(|number| format!("u{number}"))
        .collect();
    server.create_users(&names)?;
    // What creating them left behind in the process is no part of what a connection costs, nor room for it. That the
    // server knows the accounts again is none either, and comes with their tokens.
    server.restart(&options.server, Signal::TERM)?;
    let tokens = server.new_tokens(&names)?;
    let setup = Setup::of(&server)?;
    progress.step("connecting, and staying idle");
    let book = Book::new(MessageIds::random(), 0, sample(&names, options.sample), names.len());
    let mut worker = Worker::new(server.address(), &tokens, |_| Transport::WebSocket, book)?;
    let clock = Clock::start();
    let idleness = measure(&mut worker, server.pid(), clock, options.seconds)?;
    progress.step("letting the sample chat");
    chat(&mut worker, clock)?;
    let unhealthy = u64::from(!server.is_healthy());
    let stopped = server.stop()?;

    let mut report = Report::new("idle");
    report.parameter("connections", names.len());
    report.parameter("sample", options.sample);
    setup.note(&mut report);
    note_server(&mut report, &options.server);
    add_memory(&mut report, &idleness.before, &idleness.after, names.len());
    let cpu = idleness.spent.cpu_ns() as f64 / options.seconds / 1e6;
    report.figure("CPU while idle", cpu, "ms/s");
    report.figure("connected in", idleness.connect_seconds, "s");
    report.figure(
        "messages of the sample",
        worker.book.total.acked as f64,
        "acked and received",
    );
    report.latency("send to receive, of the sample", &worker.book.delivery_latency);
    report.faults(&worker.book.faults);
    report.faults(&Faults {
        unhealthy,
        ..stopped.faults()
    });
    Ok(report)
}

/// Connects all, waits until they have settled, and measures for as long again.
fn measure(worker: &mut Worker, server: u32, clock: Clock, time: f64) -> Result<Idleness> {
    let before = Memory::now(server)?;
    let began = clock.ns();
    worker.open_all(clock)?;
    let connect_seconds = (clock.ns() - began) as f64 / 1e9;
    stay_idle(worker, clock, time)?;
    let spent_before = Usage::of(server)?;
    stay_idle(worker, clock, time)?;
    Ok(Idleness {
        before,
        connect_seconds,
        spent: &Usage::of(server)? - &spent_before,
        after: Memory::now(server)?,
    })
}

fn add_memory(report: &mut Report, before: &Memory, after: &Memory, connections: usize) {
    let each = |before: u64, after: u64| (after as f64 - before as f64) / connections as f64;
    report.compared_figure(
        "process memory per connection",
        each(before.process, after.process),
        "B",
        "at most 1024",
    );
    report.figure(
        "kernel memory per connection",
        each(before.kernel, after.kernel),
        "B, both ends",
    );
    report.figure("process memory before", before.process as f64 / MEBIBYTE, "MiB");
    report.figure("process memory idle", after.process as f64 / MEBIBYTE, "MiB");
}

/// The first clients, in pairs that write to each other at the end.
fn sample(names: &[String], pairs: u32) -> Vec<Sender> {
    let writers = (names.len() / 2 * 2).min(2 * pairs as usize);
    let sender = |client: usize| {
        let room = Room {
            first_client: client as u32 & !1,
            members: 2,
        };
        let partner = &names[client ^ 1];
        Sender::new(
            client as u32,
            room,
            Template::new(Transport::WebSocket, partner, "single", "still there?"),
        )
    };
    (0..writers).map(sender).collect()
}

fn stay_idle(worker: &mut Worker, clock: Clock, time: f64) -> Result<()> {
    // Something is awaited until the time is up: the end of the measurement.
    let phases = Phases::after(clock.ns(), Duration::ZERO, seconds(time), Duration::ZERO);
    worker.run(clock, phases, Pace::Silent)
}

/// Lets the sample write for a while, each one message at a time.
fn chat(worker: &mut Worker, clock: Clock) -> Result<()> {
    let phases = Phases::after(clock.ns(), Duration::ZERO, CHAT_TIME, CHAT_TIMEOUT);
    worker.run(clock, phases, Pace::Window(1))?;
    worker.book.close();
    Ok(())
}
