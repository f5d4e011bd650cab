//! 1:1 chat through the whole path: WebSocket in, durable commit, ack and delivery out.

use super::{add_traffic, note_load, note_server, user_names};
use crate::audit;
use crate::error::Result;
use crate::load::book::{Book, Room, Sender};
use crate::load::message_id::MessageIds;
use crate::load::run;
use crate::load::wire::{self, Template};
use crate::load::worker::{Pace, Worker};
use crate::options::ChatOptions;
use crate::report::{Faults, Report};
use crate::server::Server;

/// What a server without any waste spends on one core (design measurements, one message a segment; eight a segment).
const BUDGET: &str = "budget 11.6 alone in its segment, 3.2-8.8 coalesced";

/// Runs the scenario.
pub fn run(options: &ChatOptions) -> Result<Report> {
    let server = Server::start(&options.server)?;
    let names = user_names(options.connections.next_multiple_of(2));
    let tokens = server.create_users(&names)?;
    let mut workers = connect(options, &server, &names, &tokens)?;
    let pace = match options.load.rate {
        Some(rate) => Pace::Rate(rate / workers.len() as f64),
        None => Pace::Window(options.load.window),
    };
    let spent = run::run(&mut workers, pace, &options.load, server.pid())?;
    let mut books: Vec<Book> = workers.into_iter().map(|worker| worker.book).collect();
    books.iter_mut().for_each(Book::close);

    let stopped = server.stop()?;
    let mut report = Report::new("chat");
    report.parameter("connections", names.len());
    note_load(&mut report, &options.load);
    note_server(&mut report, &options.server);
    add_traffic(&mut report, &books, &spent, BUDGET);
    report.faults(&audit::compare(&stopped.database(), &books)?);
    report.faults(&Faults {
        failed_stops: u64::from(!stopped.status.success()),
        ..Faults::default()
    });
    Ok(report)
}

/// Spreads the pairs over the workers.
fn connect(options: &ChatOptions, server: &Server, names: &[String], tokens: &[String]) -> Result<Vec<Worker>> {
    let ids = MessageIds::random();
    let content = wire::content(options.load.content_bytes);
    let pairs_each = (names.len() / 2).div_ceil(options.load.threads.max(1) as usize);
    let clients_each = 2 * pairs_each;
    let mut workers = Vec::new();
    for (number, (names, tokens)) in names.chunks(clients_each).zip(tokens.chunks(clients_each)).enumerate() {
        let senders = (0..names.len()).map(|client| {
            let room = Room {
                first_client: client as u32 & !1,
                members: 2,
            };
            Sender::new(
                client as u32,
                room,
                Template::new(&names[client ^ 1], "single", &content),
            )
        });
        let book = Book::new(ids, (number * clients_each) as u32, senders.collect(), names.len());
        workers.push(Worker::connect(server.address(), tokens, book)?);
    }
    Ok(workers)
}
