//! Measures RingIM from outside: starts the server binary on a fresh data folder, plays many clients, checks every
//! message against what came back and what was stored, and prints rates, latencies and what the server spent.
//!
//! Each scenario is a module of [`scenario`]; the clients and the book-keeping they share are in [`load`]. [`compare`]
//! plays scenarios against other servers and against [`limit`], the floor under any.

mod audit;
mod compare;
mod error;
mod health;
mod histogram;
mod limit;
mod load;
mod options;
mod process;
mod progress;
mod report;
mod scenario;
mod server;
mod setup;
mod timeline;

use std::process::ExitCode;

use clap::Parser;

use error::Result;
use options::{Arguments, Scenario};
use report::Document;

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("ringim-perf: {error}");
            ExitCode::from(2)
        }
    }
}

/// Runs one command; `false` if a message was lost, doubled, sent astray, reordered or not stored.
fn run(arguments: Arguments) -> Result<bool> {
    let (json, html) = (arguments.json.as_deref(), arguments.html.as_deref());
    let report = match arguments.scenario {
        Scenario::Compare(options) => {
            let comparison = compare::run(options)?;
            comparison.publish(json, html)?;
            return Ok(comparison.is_sound());
        }
        Scenario::Chat(options) => scenario::chat::run(&options)?,
        Scenario::Fanout(options) => scenario::fanout::run(&options)?,
        Scenario::Rest(options) => scenario::rest::run(&options)?,
        Scenario::Idle(options) => scenario::idle::run(&options)?,
        Scenario::Storm(options) => scenario::storm::run(&options)?,
        Scenario::History(options) => scenario::history::run(&options)?,
        Scenario::Writer(options) => scenario::writer::run(&options)?,
        Scenario::Mixed(options) => scenario::mixed::run(&options)?,
        Scenario::Soak(options) => scenario::soak::run(&options)?,
        Scenario::Limit(options) => limit::run(&options)?,
        Scenario::Echo(options) => match scenario::echo::serve(&options)? {},
    };
    report.publish(json, html)?;
    Ok(report.is_sound())
}
