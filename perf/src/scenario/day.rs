//! Users and back ends that do everything the server is for, in fixed shares.

use std::path::PathBuf;

use super::{note_server, raise_file_limit, traffic};
use crate::audit;
use crate::error::Result;
use crate::histogram::new_histogram;
use crate::load::activity::{Activity, Mix, Peer};
use crate::load::book::Book;
use crate::load::client::Transport;
use crate::load::clock::Clock;
use crate::load::message_id::MessageIds;
use crate::load::pages::{Conversation, Reader};
use crate::load::run;
use crate::load::sender::{Room, Sender};
use crate::load::wire::{self, Template};
use crate::load::worker::{Pace, Worker};
use crate::options::{LoadOptions, MixedOptions};
use crate::progress::Progress;
use crate::report::{Faults, Report};
use crate::server::{self, Server};
use crate::setup::Setup;
use crate::timeline::Timeline;

/// Events a second if nothing else is asked for.
const RATE: f64 = 1000.0;

/// Of 100 events: messages in a pair, messages to a group, messages of a back end, typing, receipts, pages of a
/// history, reconnects.
const SHARES: [f64; 7] = [40.0, 5.0, 10.0, 15.0, 20.0, 8.0, 2.0];

/// Of 100 users, those in pairs.
const PAIRED: u32 = 70;

/// Users of a group.
const GROUP_MEMBERS: u32 = 20;

/// Keep-alive connections of a back end, of each worker.
const BACK_ENDS: u32 = 8;

/// Keep-alive connections that read histories, of each worker.
const READERS: u32 = 8;

/// A server with its users.
pub struct Day {
    server: Server,
    setup: Setup,
    workers: Vec<Worker>,
}

impl Day {
    /// Starts a server and connects all users.
    pub fn begin(options: &MixedOptions, progress: &Progress) -> Result<Self> {
        if options.load.window.is_some() {
            return Err("events come at random times: give --rate, not --window".into());
        }
        raise_file_limit()?;
        progress.step("creating users");
        let server = Server::start(&options.server)?;
        let threads = options.load.threads.max(1);
        let ids = MessageIds::random();
        let content = wire::content(options.load.content_bytes);
        let workers = (0..threads).map(|number| {
            let village = Village::new(number, options.users / threads);
            village.people(&server, ids, &content)
        });
        let mut workers: Vec<Worker> = workers.collect::<Result<_>>()?;
        let setup = Setup::of(&server)?;
        progress.step("connecting");
        for worker in &mut workers {
            worker.open_all(Clock::start())?;
            worker.sync_latency.reset();
        }
        Ok(Self { setup, workers, server })
    }

    /// The server's process.
    pub fn server_pid(&self) -> u32 {
        self.server.pid()
    }

    /// The server's database.
    pub fn database(&self) -> PathBuf {
        self.server.database()
    }

    /// Messages that were acked while measuring.
    pub fn acked_messages(&self) -> u64 {
        self.workers.iter().map(|worker| worker.book.measured.acked).sum()
    }

    /// Lets everybody do what they do for as long as `load` says.
    pub fn pass(&mut self, load: &LoadOptions, progress: &Progress) -> Result<Timeline> {
        let pace = Pace::Rate(load.rate.unwrap_or(RATE));
        run::run(&mut self.workers, pace, load, self.server.pid(), progress)
    }

    /// Stops the server and adds what came of it all.
    pub fn end(mut self, report: &mut Report, options: &MixedOptions, timeline: &Timeline) -> Result<()> {
        report.parameter("users", options.users);
        report.parameter("rate", options.load.rate.unwrap_or(RATE));
        report.parameter("content_bytes", options.load.content_bytes);
        report.parameter("threads", options.load.threads);
        self.setup.note(report);
        note_server(report, &options.server);
        let unhealthy = u64::from(!self.server.is_healthy());
        let stopped = self.server.stop()?;
        for worker in &mut self.workers {
            worker.book.faults.unanswered += worker.pages.in_flight;
            worker.book.close();
            report.faults(&worker.book.faults);
        }
        add_rates(report, &self.workers, options.load.rate.unwrap_or(RATE), timeline);
        add_latencies(report, &self.workers);
        report.chart(timeline.chart());
        let books: Vec<Book> = self.workers.into_iter().map(|worker| worker.book).collect();
        traffic::add_latencies(report, &books);
        traffic::add_stored(report, &books, &stopped.database())?;
        report.faults(&audit::compare(&stopped.database(), &books)?);
        report.faults(&Faults {
            unhealthy,
            ..stopped.faults()
        });
        Ok(())
    }
}

fn add_rates(report: &mut Report, workers: &[Worker], rate: f64, timeline: &Timeline) {
    let spent = timeline.spent();
    let sum = |count: fn(&Worker) -> u64| workers.iter().map(count).sum::<u64>() as f64;
    let cpu = spent.server.cpu_ns() as f64 / 1e3;
    report.figure("acked", sum(|worker| worker.book.measured.acked) / spent.seconds, "1/s");
    report.figure(
        "delivered",
        sum(|worker| worker.book.measured.delivered) / spent.seconds,
        "1/s",
    );
    report.figure(
        "pages",
        sum(|worker| worker.pages.counts.measured) / spent.seconds,
        "1/s",
    );
    report.figure("reconnects", sum(|worker| worker.sync_latency.len()), "in all");
    report.figure("server CPU per event", cpu / (rate * spent.seconds), "us");
    traffic::add_machine(report, &spent);
}

fn add_latencies(report: &mut Report, workers: &[Worker]) {
    let (mut page, mut sync) = (new_histogram(), new_histogram());
    for worker in workers {
        page += &worker.pages.counts.latency;
        sync += &worker.sync_latency;
    }
    report.latency("request to page", &page);
    report.latency("reconnect to in sync", &sync);
}

/// The users of one worker: clients first in pairs, then in groups, then back ends, then readers.
struct Village {
    number: u32,
    /// Clients in pairs.
    paired: u32,
    /// Clients with a WebSocket.
    users: u32,
}

impl Village {
    fn new(number: u32, users: u32) -> Self {
        let paired = (users * PAIRED / 200 * 2).max(2);
        let grouped = users.saturating_sub(paired).div_ceil(GROUP_MEMBERS).max(1) * GROUP_MEMBERS;
        Self {
            number,
            paired,
            users: paired + grouped,
        }
    }

    fn user(&self, client: u32) -> String {
        format!("v{}u{client}", self.number)
    }

    /// The clients that hear each other.
    fn room(&self, client: u32) -> Room {
        match client.checked_sub(self.paired) {
            None => Room {
                first_client: client / 2 * 2,
                members: 2,
            },
            Some(place) => Room {
                first_client: self.paired + place / GROUP_MEMBERS * GROUP_MEMBERS,
                members: GROUP_MEMBERS,
            },
        }
    }

    /// Whom a client writes to.
    fn peer(&self, client: u32) -> Peer {
        if client < self.paired {
            return Peer {
                id: self.user(client ^ 1),
                chat_type: "single",
            };
        }
        Peer {
            id: format!("v{}g{}", self.number, self.room(client).first_client),
            chat_type: "group",
        }
    }

    /// The numbers of the senders: clients have their own, then comes the back end of each pair.
    fn senders(&self, content: &str) -> Vec<Sender> {
        let users = (0..self.users).map(|client| {
            let peer = self.peer(client);
            let template = Template::new(Transport::WebSocket, &peer.id, peer.chat_type, content);
            Sender::new(client, self.room(client), template)
        });
        let back_ends = (0..self.paired / 2).map(|pair| {
            let (from, to) = (self.user(2 * pair), self.user(2 * pair + 1));
            let client = self.users + pair % BACK_ENDS;
            Sender::new(client, self.room(2 * pair), Template::on_behalf(&from, &to, content))
        });
        users.chain(back_ends).collect()
    }

    /// Who writes where `client` does.
    fn authors(&self, client: u32) -> Vec<u32> {
        let room = self.room(client);
        let back_end = (client < self.paired).then_some(self.users + client / 2);
        (room.first_client..room.first_client + room.members)
            .chain(back_end)
            .collect()
    }

    fn mix(&self) -> Mix {
        let activities = [
            Activity::Write(0..self.paired),
            Activity::Write(self.paired..self.users),
            Activity::Write(self.users..self.users + self.paired / 2),
            Activity::Typing,
            Activity::Read,
            Activity::Page,
            Activity::Reconnect,
        ];
        Mix::new(SHARES.into_iter().zip(activities).collect())
    }

    /// The user whose history a reader reads.
    fn read_by(&self, reader: u32) -> u32 {
        reader * self.users / READERS
    }

    /// Creates the accounts and groups, and the clients, who are away.
    fn people(&self, server: &Server, ids: MessageIds, content: &str) -> Result<Worker> {
        let names: Vec<String> = (0..self.users).map(|client| self.user(client)).collect();
        let mut tokens = server.create_users(&names)?;
        for first in (self.paired..self.users).step_by(GROUP_MEMBERS as usize) {
            let members = &names[first as usize..(first + GROUP_MEMBERS) as usize];
            server.create_group(&self.peer(first).id, members)?;
        }
        let readers: Vec<String> = (0..READERS)
            .map(|reader| tokens[self.read_by(reader) as usize].clone())
            .collect();
        tokens.extend((0..BACK_ENDS).map(|_| server::ADMIN_KEY.to_owned()));
        tokens.extend(readers);

        let senders = self.senders(content);
        let first_sender = self.number * senders.len() as u32;
        let book = Book::new(ids, first_sender, senders, tokens.len());
        let transport = |client: usize| match client < self.users as usize {
            true => Transport::WebSocket,
            false => Transport::Http,
        };
        let mut worker = Worker::new(server.address(), &tokens, transport, book)?.syncing();
        worker.mix = self.mix();
        worker.peers = (0..self.users).map(|client| self.peer(client)).collect();
        worker.pages.readers = (0..READERS).map(|reader| self.reader(reader)).collect();
        Ok(worker)
    }

    fn reader(&self, number: u32) -> Reader {
        let user = self.read_by(number);
        let Peer { id, chat_type } = self.peer(user);
        let conversation = Conversation {
            peer: id,
            chat_type,
            senders: self.authors(user),
        };
        Reader::new(self.users + BACK_ENDS + number, vec![conversation])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_in_one_room_and_has_a_peer_in_it() {
        let village = Village::new(1, 100);
        assert_eq!((village.paired, village.users), (70, 110));
        for client in 0..village.users {
            let room = village.room(client);
            assert!((room.first_client..room.first_client + room.members).contains(&client));
            assert!(village.authors(client).contains(&client));
        }
        assert_eq!(village.peer(4).id, "v1u5");
        assert_eq!(village.peer(70).id, village.peer(89).id);
        assert_ne!(village.peer(89).id, village.peer(90).id);
        assert_eq!(village.authors(5), [4, 5, 112]);
    }

    #[test]
    fn shares_are_of_a_hundred() {
        assert_eq!(SHARES.iter().sum::<f64>(), 100.0);
    }
}
