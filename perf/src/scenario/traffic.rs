//! What all scenarios that exchange messages share: users, rooms, workers, figures.

use std::path::Path;

use super::{note_load, note_server, raise_file_limit};
use crate::audit;
use crate::error::Result;
use crate::histogram::new_histogram;
use crate::load::book::Book;
use crate::load::client::Transport;
use crate::load::clock::Clock;
use crate::load::message_id::MessageIds;
use crate::load::run;
use crate::load::sender::{Room, Sender};
use crate::load::wire::{self, Template};
use crate::load::worker::{Pace, Worker};
use crate::options::{LoadOptions, ServerOptions};
use crate::process;
use crate::progress::Progress;
use crate::report::{CPU_PER_MESSAGE, MEBIBYTE, MESSAGES_PER_COMMIT, Report};
use crate::server::Server;
use crate::setup::Setup;
use crate::timeline::Spent;

/// Threads that used less than this part of the server's time are not listed.
const LISTED_SHARE: f64 = 0.02;

/// Fewer connections fit into what the kernel has set aside anyway, and seem to cost nothing.
const FEWEST_WEIGHED: usize = 200;

/// Who writes to whom.
pub struct Layout {
    pub rooms: u32,
    /// Clients of each room.
    pub members: u32,
    /// How many of them write: the first ones.
    pub authors: u32,
    pub audience: Audience,
    /// How the authors send. Who only receives has a WebSocket.
    pub transport: Transport,
    /// The window of a closed loop if none is asked for.
    pub window: u32,
    /// What a server without waste spends on a message.
    pub budget: &'static str,
}

/// What a message is addressed to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// The other one of the pair.
    Partner,
    /// The group of the room.
    Group,
}

impl Layout {
    fn user(&self, room: u32, member: u32) -> String {
        format!("u{}", room * self.members + member)
    }

    fn group(room: u32) -> String {
        format!("g{room}")
    }

    fn room_users(&self, room: u32) -> Vec<String> {
        (0..self.members).map(|member| self.user(room, member)).collect()
    }

    /// Creates the users and their groups; returns the users' tokens.
    fn create(&self, server: &Server) -> Result<Vec<String>> {
        let names: Vec<String> = (0..self.rooms).flat_map(|room| self.room_users(room)).collect();
        let tokens = server.create_users(&names)?;
        if self.audience == Audience::Group {
            for room in 0..self.rooms {
                server.create_group(&Self::group(room), &self.room_users(room))?;
            }
        }
        Ok(tokens)
    }

    fn template(&self, room: u32, author: u32, content: &str) -> Template {
        let (to, chat_type) = match self.audience {
            Audience::Partner => (self.user(room, author ^ 1), "single"),
            Audience::Group => (Self::group(room), "group"),
        };
        Template::new(self.transport, &to, chat_type, content)
    }

    fn transport_of(&self, member: u32) -> Transport {
        if member < self.authors {
            self.transport
        } else {
            Transport::WebSocket
        }
    }
}

/// Runs a scenario from a fresh server to its audited database.
pub fn run(mut report: Report, layout: &Layout, load: &LoadOptions, options: &ServerOptions) -> Result<Report> {
    raise_file_limit()?;
    let progress = Progress::start(report.scenario());
    progress.step("starting the server");
    let server = Server::start(options)?;
    progress.step("creating users");
    let tokens = layout.create(&server)?;
    Setup::of(&server)?.note(&mut report);
    progress.step("connecting");
    let kernel_before = process::kernel_bytes()?;
    let mut workers = connect(layout, load, &server, &tokens)?;
    let kernel_bytes = process::kernel_bytes()? as f64 - kernel_before as f64;
    let pace = Pace::asked(load, layout.window);
    let timeline = run::run(&mut workers, pace, load, server.pid(), &progress)?;
    let commits = server.commits();
    let mut books: Vec<Book> = workers.into_iter().map(|worker| worker.book).collect();
    books.iter_mut().for_each(Book::close);
    progress.step("stopping the server");
    let stopped = server.stop()?;
    progress.step("comparing with the database");

    note_load(&mut report, load, pace);
    report.parameter("threads", books.len());
    note_server(&mut report, options);
    add_costs(&mut report, &books, &timeline.spent(), layout.budget);
    if let Some(commits) = commits {
        report.figure(MESSAGES_PER_COMMIT, commits.messages, "");
        report.figure("longest commit", commits.longest_ms, "ms");
    }
    if tokens.len() >= FEWEST_WEIGHED {
        let each = kernel_bytes / tokens.len() as f64;
        report.figure("kernel memory per connection", each, "B, both ends");
    }
    add_latencies(&mut report, &books);
    report.chart(timeline.chart());
    for book in &books {
        report.faults(&book.faults);
    }
    add_stored(&mut report, &books, &stopped.database())?;
    report.faults(&audit::compare(&stopped.database(), &books)?);
    report.faults(&stopped.faults());
    Ok(report)
}

/// Spreads the rooms over the workers.
fn connect(layout: &Layout, load: &LoadOptions, server: &Server, tokens: &[String]) -> Result<Vec<Worker>> {
    let ids = MessageIds::random();
    let content = wire::content(load.content_bytes);
    let rooms_each = layout.rooms.div_ceil(load.threads.max(1)).max(1);
    let mut workers = Vec::new();
    for first_room in (0..layout.rooms).step_by(rooms_each as usize) {
        let rooms = first_room..layout.rooms.min(first_room + rooms_each);
        let clients = rooms.start as usize * layout.members as usize..rooms.end as usize * layout.members as usize;
        let senders = rooms.clone().flat_map(|room| {
            let place = Room {
                first_client: (room - first_room) * layout.members,
                members: layout.members,
            };
            let content = &content;
            (0..layout.authors).map(move |author| {
                Sender::new(
                    place.first_client + author,
                    place,
                    layout.template(room, author, content),
                )
            })
        });
        let book = Book::new(ids, first_room * layout.authors, senders.collect(), clients.len());
        let transports = |client: usize| layout.transport_of(client as u32 % layout.members);
        let mut worker = Worker::new(server.address(), &tokens[clients], transports, book)?;
        worker.open_all(Clock::start())?;
        workers.push(worker);
    }
    Ok(workers)
}

/// Adds rates and what each message cost.
fn add_costs(report: &mut Report, books: &[Book], spent: &Spent, budget: &'static str) {
    let acked: u64 = books.iter().map(|book| book.measured.acked).sum();
    let delivered: u64 = books.iter().map(|book| book.measured.delivered).sum();
    let per_message = |total: u64| total as f64 / acked.max(1) as f64;
    let server_cpu = spent.server.cpu_ns();
    report.figure("acked", acked as f64 / spent.seconds, "1/s");
    report.figure("delivered", delivered as f64 / spent.seconds, "1/s");
    report.compared_figure(CPU_PER_MESSAGE, per_message(server_cpu) / 1e3, "us", budget);
    report.figure(
        "server CPU per delivery",
        server_cpu as f64 / delivered.max(1) as f64 / 1e3,
        "us",
    );
    for (name, &ns) in &spent.server.cpu_ns_by_thread {
        if ns as f64 > LISTED_SHARE * server_cpu as f64 {
            report.figure(format!("  thread {name}"), per_message(ns) / 1e3, "us");
        }
    }
    add_machine(report, spent);
    report.figure("server switches per message", per_message(spent.server.switches), "");
    report.figure("disk bytes per message", per_message(spent.server.written_bytes), "B");
}

/// Adds how busy the machine was, and the memory of the server.
pub(super) fn add_machine(report: &mut Report, spent: &Spent) {
    report.figure(
        "server CPUs used",
        spent.server.cpu_ns() as f64 / spent.seconds / 1e9,
        "",
    );
    report.figure(
        "generator CPUs used",
        spent.generator.cpu_ns() as f64 / spent.seconds / 1e9,
        "",
    );
    report.figure("CPUs busy with other work", spent.other_cpus, "");
    report.figure("server memory", spent.server_resident_bytes as f64 / MEBIBYTE, "MiB");
}

/// Adds what a message, warm-up and drain included, takes of the database after the server has stopped.
pub(super) fn add_stored(report: &mut Report, books: &[Book], database: &Path) -> Result<()> {
    let acked: u64 = books.iter().map(|book| book.total.acked).sum();
    let size = std::fs::metadata(database)?.len();
    report.figure("stored bytes per message", size as f64 / acked.max(1) as f64, "B");
    Ok(())
}

pub(super) fn add_latencies(report: &mut Report, books: &[Book]) {
    let (mut ack, mut delivery) = (new_histogram(), new_histogram());
    for book in books {
        ack += &book.ack_latency;
        delivery += &book.delivery_latency;
    }
    report.latency("send to ack", &ack);
    report.latency("send to receive", &delivery);
}
