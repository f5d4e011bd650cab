//! Puts the threads of a server together, and takes them apart in an order that loses nothing.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::clock::Clock;
use super::cores::{self, ShardPlan};
use super::links::Links;
use super::mailbox::{Inbox, Mail, Mailbox, mailbox};
use super::metrics::Metrics;
use super::operations::{self, Operations};
use super::start::driver::Driver;
use super::writer::{Order, Writer};
use super::{databases, outbound, passwords, readers};
use crate::api::port::Service;
use crate::base::limits;
use crate::store::committer::Committer;
use crate::store::{Backend, Reader};

/// How long connections may take to end in order.
const DRAIN: Duration = Duration::from_secs(8);

/// What a server is made of.
pub struct Parts<B, R> {
    /// Where to listen.
    pub listen: SocketAddr,
    /// How many shards.
    pub shards: u16,
    /// How they talk to the kernel.
    pub driver: Driver,
    /// Connections that may be open at once.
    pub connection_limit: u64,
    /// The store's writing side.
    pub committer: Committer<B>,
    /// The store's reading side; each gets a thread.
    pub readers: Vec<R>,
    /// The webhook sender's view of the store.
    pub webhook_reader: R,
    /// Whether webhooks may go to private addresses.
    pub webhook_allow_private: bool,
    /// The data folder.
    pub data: PathBuf,
}

/// A server that runs.
pub struct Server {
    /// Where it listens, with the port the kernel chose when none was asked for.
    pub address: SocketAddr,
    /// The queues of the server.
    pub links: Links,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    shards_running: Receiver<()>,
    writer: JoinHandle<()>,
    webhook_sender: JoinHandle<()>,
}

/// Starts all threads; `make_service` builds the service of a shard on its own thread.
pub fn start<B, R, S>(
    parts: Parts<B, R>,
    make_service: impl Fn(u16) -> S + Clone + Send + 'static,
) -> io::Result<Server>
where
    B: Backend + Send + 'static,
    R: Reader + 'static,
    S: Service + 'static,
{
    let metrics = Arc::new(Metrics::new(parts.shards));
    let (webhooks, news) = outbound::link();
    let (mailboxes, inboxes): (Vec<Mailbox>, Vec<Inbox>) = (0..parts.shards).map(|_| mailbox()).unzip();
    let mailboxes: Arc<[Mailbox]> = mailboxes.into();
    let (writer_queue, orders) = bounded(limits::WRITER_QUEUE_BATCHES);
    let (reader_queue, queries) = readers::queue();
    let (password_queue, password_tasks) = passwords::queue();
    let (operation_queue, jobs) = operations::queue();
    let links = Links {
        writer: writer_queue,
        readers: reader_queue,
        passwords: password_queue,
        operations: operation_queue,
        webhooks: webhooks.clone(),
        mailboxes: mailboxes.clone(),
    };

    let committer = parts.committer;
    let writer = Writer {
        committer,
        orders,
        mailboxes: mailboxes.clone(),
        webhooks,
        metrics: metrics.clone(),
    };
    let writer = writer.start()?;
    for (number, reader) in parts.readers.into_iter().enumerate() {
        readers::start(number, reader, queries.clone(), mailboxes.clone())?;
    }
    passwords::start(password_tasks, mailboxes)?;
    Operations {
        jobs,
        links: links.clone(),
        metrics: metrics.clone(),
        databases: databases::start(parts.data.clone())?,
        data: parts.data,
    }
    .start()?;

    let orders = links.writer.clone();
    let webhook_sender = outbound::start(outbound::Setup {
        inbox: news,
        reader: Box::new(parts.webhook_reader),
        submit: Box::new(move |submissions| orders.try_send(Order::Commit(submissions)).is_ok()),
        allow_private: parts.webhook_allow_private,
    })?;

    let (running, shards_running) = bounded(0);
    let shards = Shards {
        listen: parts.listen,
        driver: parts.driver,
        connection_limit: parts.connection_limit,
        links: links.clone(),
        metrics: metrics.clone(),
        running,
    };
    let address = shards.start(inboxes, make_service)?;
    Ok(Server {
        address,
        links,
        metrics,
        shards_running,
        writer,
        webhook_sender,
    })
}

/// What all shards are started with.
struct Shards {
    listen: SocketAddr,
    driver: Driver,
    connection_limit: u64,
    links: Links,
    metrics: Arc<Metrics>,
    /// Held by every shard while it runs.
    running: Sender<()>,
}

impl Shards {
    /// Starts one after the other: the first decides the port when it was left open.
    fn start<S: Service + 'static>(
        self,
        inboxes: Vec<Inbox>,
        make_service: impl Fn(u16) -> S + Clone + Send + 'static,
    ) -> io::Result<SocketAddr> {
        let clock = Clock::start();
        let mut processors = cores::shard_processors();
        let mut address = self.listen;
        for (inbox, number) in inboxes.into_iter().zip(0_u16..) {
            let plan = ShardPlan {
                number,
                processor: processors.next(),
                driver: self.driver.clone(),
                listen: address,
                connection_limit: self.connection_limit,
                clock,
                links: self.links.clone(),
                inbox,
                metrics: self.metrics.clone(),
                running: self.running.clone(),
            };
            let make_service = make_service.clone();
            address = cores::start(plan, move || make_service(number))?;
        }
        Ok(address)
    }
}

impl Server {
    /// Stops in order: no new connections, `bye` to the present ones, their last commands committed, the files
    /// tidy.
    pub fn stop(self) {
        for mailbox in self.links.mailboxes.iter() {
            mailbox.send(Mail::Drain);
        }
        let deadline = Instant::now() + DRAIN;
        // Nothing is ever sent: the channel ends with the last shard.
        if self
            .shards_running
            .recv_deadline(deadline)
            .is_err_and(|error| error.is_timeout())
        {
            tracing::warn!(
                connections = self.metrics.connections_open(),
                "connections did not end in time"
            );
        }
        self.links.webhooks.stop();
        let _ = self.webhook_sender.join();
        if self.links.writer.send(Order::Finish).is_ok() {
            let _ = self.writer.join();
        }
    }
}
