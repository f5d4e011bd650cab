//! Histories by REST: conversations are filled, then users read pages of 50 at random places of theirs.

use super::{note_load, note_server, raise_file_limit, traffic};
use crate::audit;
use crate::error::Result;
use crate::load::activity::{Activity, Mix};
use crate::load::book::Book;
use crate::load::client::Transport;
use crate::load::clock::{Clock, nanoseconds};
use crate::load::message_id::MessageIds;
use crate::load::pages::{Conversation, Reader};
use crate::load::run;
use crate::load::sender::{Room, Sender};
use crate::load::wire::{self, Template};
use crate::load::worker::{Pace, Worker};
use crate::options::{HistoryOptions, seconds};
use crate::progress::Progress;
use crate::report::Report;
use crate::server::{self, Server};
use crate::setup::Setup;
use crate::timeline::Spent;

/// Keep-alive connections of the back end that fills the conversations.
const BACK_ENDS: u32 = 16;

/// Pages a reader keeps under way in a closed loop if nothing else is asked for.
const WINDOW: u32 = 1;

/// Nobody listens while conversations are filled.
const NOBODY: Room = Room {
    first_client: 0,
    members: 0,
};

/// Runs the scenario.
pub fn run(options: &HistoryOptions) -> Result<Report> {
    raise_file_limit()?;
    let progress = Progress::start("history");
    progress.step("creating users");
    let server = Server::start(&options.server)?;
    let mut worker = people(options, &server)?;
    let setup = Setup::of(&server)?;
    progress.step("filling conversations");
    let clock = Clock::start();
    fill(&mut worker, options, clock)?;
    worker.open_requesters(0..options.connections, clock)?;
    let pace = Pace::asked(&options.load, WINDOW);
    worker.mix = Mix::new(vec![(1.0, Activity::Page)]);
    let mut workers = [worker];
    let timeline = run::run(&mut workers, pace, &options.load, server.pid(), &progress)?;
    let [mut worker] = workers;
    worker.book.faults.unanswered += worker.pages.in_flight;
    worker.book.close();
    let stopped = server.stop()?;
    drop(progress);

    let mut report = Report::new("history");
    report.parameter("connections", options.connections);
    report.parameter("conversations", options.conversations);
    report.parameter("messages", options.messages);
    note_load(&mut report, &options.load, pace);
    setup.note(&mut report);
    note_server(&mut report, &options.server);
    add_figures(&mut report, &worker, &timeline.spent());
    report.chart(timeline.chart());
    report.faults(&worker.book.faults);
    report.faults(&audit::compare(&stopped.database(), &[worker.book])?);
    report.faults(&stopped.faults());
    Ok(report)
}

/// Lets the back end write, and leave: a server closes connections on which nothing is asked.
fn fill(worker: &mut Worker, options: &HistoryOptions, clock: Clock) -> Result<()> {
    worker.open_requesters(options.connections..options.connections + BACK_ENDS, clock)?;
    for _ in 0..options.messages {
        worker.write_once(clock, clock.ns() + nanoseconds(seconds(options.load.drain)))?;
    }
    worker.leave_all();
    Ok(())
}

/// Clients who are away. Each reader has conversations of its own; the partner writes in each, through the back end.
fn people(options: &HistoryOptions, server: &Server) -> Result<Worker> {
    let reader = |number: u32| format!("reader{number}");
    let partner = |number: u32| format!("partner{number}");
    let readers: Vec<String> = (0..options.connections).map(reader).collect();
    let partners: Vec<String> = (0..options.conversations).map(partner).collect();
    let mut tokens = server.create_users(&readers)?;
    server.create_users(&partners)?;
    tokens.resize(readers.len() + BACK_ENDS as usize, server::ADMIN_KEY.to_owned());

    let content = wire::content(options.load.content_bytes);
    let pairs = readers
        .iter()
        .flat_map(|reader| partners.iter().map(move |partner| (reader, partner)));
    let senders = pairs.zip(0..).map(|((reader, partner), number)| {
        let back_end = options.connections + number % BACK_ENDS;
        Sender::new(back_end, NOBODY, Template::on_behalf(partner, reader, &content))
    });
    let book = Book::new(MessageIds::random(), 0, senders.collect(), tokens.len());
    let mut worker = Worker::new(server.address(), &tokens, |_| Transport::Http, book)?;
    worker.pages.readers = (0..options.connections)
        .map(|number| {
            let first = number * options.conversations;
            let conversations = partners.iter().zip(first..).map(|(partner, sender)| Conversation {
                peer: partner.clone(),
                chat_type: "single",
                senders: vec![sender],
            });
            Reader::new(number, conversations.collect())
        })
        .collect();
    Ok(worker)
}

fn add_figures(report: &mut Report, worker: &Worker, spent: &Spent) {
    let counts = &worker.pages.counts;
    let pages = counts.measured.max(1) as f64;
    report.figure("messages stored before", worker.book.total.acked as f64, "");
    report.figure("pages", counts.measured as f64 / spent.seconds, "1/s");
    report.figure("server CPU per page", spent.server.cpu_ns() as f64 / pages / 1e3, "us");
    traffic::add_machine(report, spent);
    report.latency("request to page", &counts.latency);
}
