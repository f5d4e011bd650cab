//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::compare::CompareOptions;
use crate::limit::Limit;

/// Measures RingIM from outside.
#[derive(Parser)]
#[command(version)]
pub struct Arguments {
    #[command(subcommand)]
    pub scenario: Scenario,
    /// Also write the report as JSON into this file
    #[arg(long, global = true)]
    pub json: Option<PathBuf>,
    /// Also write the report with its plots as one HTML page into this file
    #[arg(long, global = true)]
    pub html: Option<PathBuf>,
}

#[derive(Subcommand)]
pub enum Scenario {
    /// Pairs of users write to each other
    Chat(ChatOptions),
    /// Groups whose members are all online; one of each writes
    Fanout(FanoutOptions),
    /// Messages sent by REST on keep-alive connections, received on WebSockets
    Rest(RestOptions),
    /// Authenticated connections that do nothing: memory of each
    Idle(IdleOptions),
    /// Pages of 50 messages of filled conversations, by REST on keep-alive connections
    History(HistoryOptions),
    /// A day in the life: chat, groups, back ends, typing, receipts, histories, reconnects
    ///
    /// Of 100 events, at random times, 40 are messages to one other user, 5 messages to a group of 20, 10 messages
    /// that a back end sends by REST in the name of a user, 15 tell that one is typing, 20 how far one has read,
    /// 8 ask by REST for a page of 50 messages, and 2 cut a connection off, whose client connects again and syncs.
    /// 70 of 100 users write to one other user each, 30 in groups.
    #[command(verbatim_doc_comment)]
    Mixed(MixedOptions),
    /// The same for long; fails if memory, descriptors, disk or CPU grow beyond their bounds
    Soak(SoakOptions),
    /// The store alone, without server and sockets: what a message costs while the file grows
    Writer(WriterOptions),
    /// All clients reconnect at once after a restart and sync what they missed
    Storm(StormOptions),
    /// A scenario played by RingIM and others in turn, round by round: medians and ratios
    Compare(CompareOptions),
    /// The floor under a durable chat server
    #[command(subcommand)]
    Limit(Limit),
    /// Serves a WebSocket echo at /echo on the real codec and connection code, until killed
    Echo(EchoServerOptions),
}

#[derive(Args)]
pub struct EchoServerOptions {
    /// Where to listen; with port 0 the kernel chooses one, and the first line printed tells it
    #[arg(long, default_value = "127.0.0.1:9001")]
    pub listen: SocketAddr,
}

#[derive(Args)]
pub struct ChatOptions {
    #[command(flatten)]
    pub server: ServerOptions,
    #[command(flatten)]
    pub load: LoadOptions,
    /// Connections, two to a pair
    #[arg(long, default_value_t = 200)]
    pub connections: u32,
}

#[derive(Args)]
pub struct FanoutOptions {
    #[command(flatten)]
    pub server: ServerOptions,
    #[command(flatten)]
    pub load: LoadOptions,
    /// Groups
    #[arg(long, default_value_t = 10)]
    pub groups: u32,
    /// Members of each group
    #[arg(long, default_value_t = 50)]
    pub members: u32,
}

#[derive(Args)]
pub struct RestOptions {
    #[command(flatten)]
    pub server: ServerOptions,
    #[command(flatten)]
    pub load: LoadOptions,
    /// Keep-alive connections, and as many WebSockets
    #[arg(long, default_value_t = 64)]
    pub connections: u32,
}

#[derive(Args)]
pub struct IdleOptions {
    #[command(flatten)]
    pub server: ServerOptions,
    /// Connections
    #[arg(long, default_value_t = 15_000)]
    pub connections: u32,
    /// Pairs of them that write to each other at the end
    #[arg(long, default_value_t = 100)]
    pub sample: u32,
    /// Seconds to stay idle before and while measuring, each
    #[arg(long, default_value_t = 5.0)]
    pub seconds: f64,
}

#[derive(Args)]
pub struct HistoryOptions {
    #[command(flatten)]
    pub server: ServerOptions,
    #[command(flatten)]
    pub load: LoadOptions,
    /// Keep-alive connections, each of another user
    #[arg(long, default_value_t = 32)]
    pub connections: u32,
    /// Conversations of each user
    #[arg(long, default_value_t = 32)]
    pub conversations: u32,
    /// Messages of each conversation
    #[arg(long, default_value_t = 200)]
    pub messages: u32,
}

#[derive(Args)]
pub struct MixedOptions {
    #[command(flatten)]
    pub server: ServerOptions,
    #[command(flatten)]
    pub load: LoadOptions,
    /// Users, each with a WebSocket
    #[arg(long, default_value_t = 1000)]
    pub users: u32,
}

#[derive(Args)]
pub struct SoakOptions {
    #[command(flatten)]
    pub mixed: MixedOptions,
    /// Minutes measured, instead of --seconds
    #[arg(long, default_value_t = 10.0)]
    pub minutes: f64,
}

#[derive(Args)]
pub struct WriterOptions {
    /// Messages to write
    #[arg(long, default_value_t = 1_000_000)]
    pub rows: u64,
    /// Messages of each commit
    #[arg(long, default_value_t = 500)]
    pub batch: u64,
    /// Conversations, over which messages are spread at random
    #[arg(long, default_value_t = 100_000)]
    pub conversations: u32,
    /// Folder under which the store gets a fresh folder
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    pub data_under: PathBuf,
}

#[derive(Args)]
pub struct StormOptions {
    #[command(flatten)]
    pub server: ServerOptions,
    /// Connections, two to a pair
    #[arg(long, default_value_t = 10_000)]
    pub connections: u32,
    /// Messages that a back end stores for each pair while all are away
    #[arg(long, default_value_t = 2)]
    pub away: u32,
    /// How the server is stopped
    #[arg(long, value_enum, default_value_t = Stop::Kill)]
    pub stop: Stop,
}

/// How a server is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Stop {
    /// SIGKILL: it cannot say good-bye
    Kill,
    /// SIGTERM: it drains
    Term,
}

/// The server under measurement.
#[derive(Args)]
pub struct ServerOptions {
    /// The server binary
    #[arg(long, default_value = "target/release/ringim")]
    pub server: PathBuf,
    /// Folder under which the server gets a fresh data folder
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    pub data_under: PathBuf,
    /// Further argument for the server, e.g. --server-argument=--shards=1
    #[arg(long = "server-argument", allow_hyphen_values = true)]
    pub arguments: Vec<String>,
}

/// How the clients load the server.
#[derive(Args, Clone)]
pub struct LoadOptions {
    /// Closed loop: messages each sender (pages each reader) keeps under way; a message leaves the window when it is
    /// acked and delivered to all [default: chat 8, fanout 2, rest 1, history 1]
    #[arg(long)]
    pub window: Option<u32>,
    /// Open loop: messages (pages) per second of all senders together, sent at random times whether or not earlier ones
    /// came back; latency counts from the intended time [mixed and soak: events, default 1000]
    #[arg(long, conflicts_with = "window")]
    pub rate: Option<f64>,
    /// Seconds before the measurement begins
    #[arg(long, default_value_t = 2.0)]
    pub warm_up: f64,
    /// Seconds measured
    #[arg(long, default_value_t = 6.0)]
    pub seconds: f64,
    /// Seconds to wait for what is under way at the end
    #[arg(long, default_value_t = 5.0)]
    pub drain: f64,
    /// Bytes of a message's content
    #[arg(long, default_value_t = 120)]
    pub content_bytes: usize,
    /// Generator threads; `history` and `limit echo` have one
    #[arg(long, default_value_t = 1)]
    pub threads: u32,
}

/// Seconds from the command line as a duration.
pub fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or(Duration::ZERO)
}
