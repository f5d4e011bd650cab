//! A reconnect storm: the server is stopped and started again, messages are stored before anybody is back, and then all
//! clients come back at once with the tokens they had and sync what they missed. Passwords are no part of it.

use std::time::Duration;

use rustix::process::Signal;

use super::{note_server, raise_file_limit};
use crate::audit;
use crate::error::Result;
use crate::health::{Answers, Probe};
use crate::load::book::Book;
use crate::load::client::Transport;
use crate::load::clock::{Clock, Phases, nanoseconds};
use crate::load::message_id::MessageIds;
use crate::load::sender::{Room, Sender};
use crate::load::wire::{self, Template};
use crate::load::worker::{Pace, Worker};
use crate::options::{Stop, StormOptions};
use crate::progress::Progress;
use crate::report::{Faults, MEBIBYTE, Report};
use crate::server::{self, Server};
use crate::setup::Setup;
use crate::timeline::{Recorder, Timeline};

/// Keep-alive connections of the back end that writes while the clients are away.
const BACK_ENDS: u32 = 16;

/// How long what was sent may take to be stored and to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

const CONTENT_BYTES: usize = 120;

/// What was measured.
struct Storm {
    /// From the start of the process until its writer commits.
    healthy_after: Duration,
    /// From the moment all came back until the last was in sync.
    synced_after: Duration,
    health: Answers,
    timeline: Timeline,
}

/// Runs the scenario.
pub fn run(options: &StormOptions) -> Result<Report> {
    raise_file_limit()?;
    let progress = Progress::start("storm");
    progress.step("creating users");
    let mut server = Server::start(&options.server)?;
    let names: Vec<String> = (0..options.connections.div_ceil(2) * 2)
        .map(|number| format!("u{number}"))
        .collect();
    let mut tokens = server.create_users(&names)?;
    let setup = Setup::of(&server)?;
    tokens.resize(names.len() + BACK_ENDS as usize, server::ADMIN_KEY.to_owned());
    let transport = |number| match number < names.len() {
        true => Transport::WebSocket,
        false => Transport::Http,
    };
    let book = Book::new(MessageIds::random(), 0, senders(&names), tokens.len());
    let mut worker = Worker::new(server.address(), &tokens, transport, book)?.syncing();
    let storm = restart_under(&mut worker, &mut server, options, &progress)?;
    let stopped = server.stop()?;
    worker.book.close();
    drop(progress);

    let mut report = Report::new("storm");
    report.parameter("connections", names.len());
    report.parameter("away", options.away);
    report.parameter("stop", if options.stop == Stop::Kill { "kill" } else { "term" });
    setup.note(&mut report);
    note_server(&mut report, &options.server);
    add_figures(&mut report, &storm, &worker);
    report.faults(&worker.book.faults);
    report.faults(&audit::compare(&stopped.database(), &[worker.book])?);
    report.faults(&Faults {
        unhealthy: storm.health.failed,
        ..stopped.faults()
    });
    Ok(report)
}

/// One for each pair: a back end that writes in the name of the first to the second, on one of its connections.
fn senders(names: &[String]) -> Vec<Sender> {
    let content = wire::content(CONTENT_BYTES);
    let clients = names.len() as u32;
    let sender = |(pair, names): (usize, &[String])| {
        let pair = pair as u32;
        let room = Room {
            first_client: 2 * pair,
            members: 2,
        };
        let template = Template::on_behalf(&names[0], &names[1], &content);
        Sender::new(clients + pair % BACK_ENDS, room, template)
    };
    names.chunks(2).enumerate().map(sender).collect()
}

fn restart_under(
    worker: &mut Worker,
    server: &mut Server,
    options: &StormOptions,
    progress: &Progress,
) -> Result<Storm> {
    let clock = Clock::start();
    progress.step("connecting");
    worker.open_all(clock)?;
    write_to_all(worker, clock)?;

    progress.step("restarting the server");
    let healthy_after = server.restart(&options.server, signal(options.stop))?;
    let probe = Probe::start(server.address());
    worker.leave_all();
    let clients = options.connections.div_ceil(2) * 2;
    worker.open_requesters(clients..clients + BACK_ENDS, clock)?;
    progress.step("storing messages while all are away");
    for _ in 0..options.away {
        worker.write_once(clock, clock.ns() + nanoseconds(PATIENCE))?;
    }

    progress.step("reconnecting");
    worker.sync_latency.reset();
    let tally = worker.tally();
    let recorder = Recorder::start(clock, server.pid(), move || tally.read().to_vec())?;
    let back = clock.ns();
    worker.open_at_once(clock)?;
    let synced_after = Duration::from_nanos(clock.ns() - back);
    let timeline = recorder.stop()?;
    let health = probe.stop()?;
    write_to_all(worker, clock)?;
    Ok(Storm {
        healthy_after,
        synced_after,
        health,
        timeline,
    })
}

/// Lets the back end write once to each pair, and waits until all have it.
fn write_to_all(worker: &mut Worker, clock: Clock) -> Result<()> {
    let give_up = clock.ns() + nanoseconds(PATIENCE);
    worker.write_once(clock, give_up)?;
    worker.run(clock, Phases::unmeasured(give_up), Pace::Silent)
}

fn signal(stop: Stop) -> Signal {
    match stop {
        Stop::Kill => Signal::KILL,
        Stop::Term => Signal::TERM,
    }
}

fn add_figures(report: &mut Report, storm: &Storm, worker: &Worker) {
    let clients = worker.sync_latency.len().max(1) as f64;
    let spent = storm.timeline.spent();
    report.compared_figure(
        "healthy again after",
        storm.healthy_after.as_secs_f64(),
        "s",
        "at most 2",
    );
    report.compared_figure("all in sync after", storm.synced_after.as_secs_f64(), "s", "at most 10");
    report.compared_figure(
        "longest wait for /healthz",
        storm.health.latency.max() as f64 / 1e6,
        "s",
        "at most 1",
    );
    report.figure("in sync", worker.sync_latency.len() as f64, "clients");
    report.figure("syncs repeated as the server was busy", worker.repeats.count as f64, "");
    report.figure("messages that came by sync", worker.book.synced as f64, "");
    report.figure(
        "server CPU per client",
        spent.server.cpu_ns() as f64 / clients / 1e3,
        "us",
    );
    report.figure("server memory", spent.server_resident_bytes as f64 / MEBIBYTE, "MiB");
    report.latency("reconnect to in sync", &worker.sync_latency);
    report.latency("/healthz meanwhile", &storm.health.latency);
    report.chart(storm.timeline.chart());
}
