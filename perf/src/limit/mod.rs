//! The floor under a durable chat server: what the kernel takes to pass a message on, and SQLite to keep it, when
//! nothing else is done. Neither program does anything useful, so nothing useful can be cheaper by much.

mod append;
mod echo;
mod echo_client;
mod echo_server;

use clap::{Args, Subcommand};

use crate::error::Result;
use crate::options::LoadOptions;
use crate::report::Report;

pub use append::AppendOptions;

/// The two parts of the floor.
#[derive(Subcommand)]
pub enum Limit {
    /// Sends messages back as they come, on raw io_uring: no routing, no ack, nothing is kept
    Echo(EchoOptions),
    /// Appends messages to a table without an index, batch after batch, each synced
    Append(AppendOptions),
}

#[derive(Args)]
pub struct EchoOptions {
    #[command(flatten)]
    pub load: LoadOptions,
    /// Connections
    #[arg(long, default_value_t = 200)]
    pub connections: u32,
}

/// Measures one of them.
pub fn run(limit: &Limit) -> Result<Report> {
    match limit {
        Limit::Echo(options) => echo::run(options),
        Limit::Append(options) => append::run(options),
    }
}
