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
    /// All clients reconnect at once after a restart and sync what they missed
    Storm(StormOptions),
    /// A scenario played by RingIM and others in turn, round by round: medians and ratios
    Compare(CompareOptions),
    /// The floor under a durable chat server
    #[command(subcommand)]
    Limit(Limit),
    /// Serves a WebSocket echo at /echo on the real codec and connection code, until killed
    Echo(EchoOptions),
}

#[derive(Args)]
pub struct EchoOptions {
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
    /// Closed loop: messages each sender keeps under way; one leaves the window when acked and delivered to all
    /// [default: chat 8, fanout 2, rest 1]
    #[arg(long)]
    pub window: Option<u32>,
    /// Open loop: messages per second of all senders together, sent at random times whether or not earlier ones
    /// came back; latency counts from the intended time
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
    /// Generator threads
    #[arg(long, default_value_t = 1)]
    pub threads: u32,
}

/// Seconds from the command line as a duration.
pub fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or(Duration::ZERO)
}
