//! The command line of a comparison.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand};

use crate::error::Result;
use crate::limit::EchoOptions;
use crate::options::{ChatOptions, FanoutOptions, IdleOptions, LoadOptions, RestOptions, ServerOptions};
use crate::report::Report;
use crate::scenario::{chat, fanout, idle, rest};

#[derive(Args)]
pub struct CompareOptions {
    /// What to compare with, separated by commas: `guide` (Node, express, ws, sql.js), `axum` (tokio, rusqlite), `limit`
    /// (raw echo and plain append, beside chat and rest), or the path of another server, such as an older build
    #[arg(long, global = true, value_delimiter = ',', default_value = "guide,axum,limit")]
    pub against: Vec<Opponent>,
    /// How often each is played
    #[arg(long, global = true, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    #[command(subcommand)]
    pub contest: Contest,
}

/// Something to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opponent {
    /// What no server can fall below.
    Limit,
    /// Another server with the same command line.
    Server { name: String, path: PathBuf },
}

impl FromStr for Opponent {
    type Err = Infallible;

    fn from_str(text: &str) -> std::result::Result<Self, Infallible> {
        let path = match text {
            "limit" => return Ok(Self::Limit),
            "guide" => "perf/peers/guide/server.js",
            "axum" => "perf/peers/axum/target/release/axum-peer",
            path => path,
        };
        Ok(Self::Server {
            name: text.to_owned(),
            path: path.into(),
        })
    }
}

impl Opponent {
    /// Whether it is there to be started.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Server { name, path } if !path.is_file() => {
                let path = path.display();
                Err(format!("{name}: there is no {path}; perf/peers/build makes guide and axum").into())
            }
            Self::Limit | Self::Server { .. } => Ok(()),
        }
    }
}

/// The scenarios that others can play too.
#[derive(Subcommand)]
pub enum Contest {
    /// Pairs of users write to each other
    Chat(ChatOptions),
    /// Groups whose members are all online; one of each writes
    Fanout(FanoutOptions),
    /// Messages sent by REST on keep-alive connections, received on WebSockets
    Rest(RestOptions),
    /// Authenticated connections that do nothing: memory of each
    Idle(IdleOptions),
}

impl Contest {
    /// Plays it once.
    pub fn run(&self) -> Result<Report> {
        match self {
            Self::Chat(options) => chat::run(options),
            Self::Fanout(options) => fanout::run(options),
            Self::Rest(options) => rest::run(options),
            Self::Idle(options) => idle::run(options),
        }
    }

    /// The server that plays.
    pub fn server(&mut self) -> &mut ServerOptions {
        match self {
            Self::Chat(options) => &mut options.server,
            Self::Fanout(options) => &mut options.server,
            Self::Rest(options) => &mut options.server,
            Self::Idle(options) => &mut options.server,
        }
    }

    /// The echo of as many messages on as many connections, where one message is sent to one recipient.
    pub fn echo(&self) -> Option<EchoOptions> {
        let (load, connections, window) = match self {
            Self::Chat(options) => (&options.load, options.connections, chat::WINDOW),
            Self::Rest(options) => (&options.load, options.connections, rest::WINDOW),
            Self::Fanout(_) | Self::Idle(_) => return None,
        };
        let window = load.rate.is_none().then(|| load.window.unwrap_or(window));
        let load = LoadOptions { window, ..load.clone() };
        Some(EchoOptions { load, connections })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::options::{Arguments, Scenario};

    fn parse(line: &str) -> CompareOptions {
        match Arguments::try_parse_from(line.split(' ')).unwrap().scenario {
            Scenario::Compare(options) => options,
            _ => panic!("another scenario"),
        }
    }

    #[test]
    fn options_of_the_comparison_may_follow_the_scenario() {
        let options = parse("ringim-perf compare chat --rounds 2 --against axum,target/old --connections 8");
        let names = options.against.iter().map(|opponent| match opponent {
            Opponent::Server { name, .. } => name.as_str(),
            Opponent::Limit => "limit",
        });
        assert_eq!(
            (options.rounds, names.collect::<Vec<_>>()),
            (2, vec!["axum", "target/old"])
        );
        assert!(matches!(&options.contest, Contest::Chat(chat) if chat.connections == 8));
        assert_eq!(parse("ringim-perf compare rest").against.len(), 3);
    }

    #[test]
    fn the_echo_has_the_window_and_the_connections_of_its_scenario() {
        let echo = |line| parse(line).contest.echo();
        let chat = echo("ringim-perf compare chat --connections 10").unwrap();
        assert_eq!((chat.connections, chat.load.window), (10, Some(8)));
        let open = echo("ringim-perf compare chat --rate 1000").unwrap();
        assert_eq!((open.load.rate, open.load.window), (Some(1000.0), None));
        assert_eq!(echo("ringim-perf compare rest").unwrap().load.window, Some(1));
        assert!(echo("ringim-perf compare idle").is_none());
    }

    #[test]
    fn what_is_not_built_is_said_before_anything_runs() {
        let missing: Opponent = "no/such/server".parse().unwrap();
        assert!(missing.check().unwrap_err().to_string().contains("perf/peers/build"));
    }
}
