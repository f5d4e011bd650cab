//! The echo: server and clients in one process, the server on a thread of its own whose CPU time is counted.

use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::Duration;

use super::EchoOptions;
use super::echo_client::EchoClients;
use super::echo_server;
use crate::error::Result;
use crate::load::client::Transport;
use crate::load::clock::{Clock, Phases};
use crate::load::message_id::{MessageIds, Place};
use crate::load::wire::{self, Template};
use crate::load::worker::Pace;
use crate::options::{LoadOptions, seconds};
use crate::process::Usage;
use crate::report::{CPU_PER_MESSAGE, Faults, Report};
use crate::scenario::note_load;

/// The name of the server's thread.
const THREAD: &str = "echo";

/// The window of a closed loop if none is asked for.
const WINDOW: u32 = 8;

/// Measures it.
pub fn run(options: &EchoOptions) -> Result<Report> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let count = options.connections;
    let server = thread::Builder::new()
        .name(THREAD.to_owned())
        .spawn(move || echo_server::serve(&listener, count))?;
    let mut clients = EchoClients::connect(address, count, message(options.load.content_bytes))?;
    let pace = Pace::asked(&options.load, WINDOW);
    let played = play(&mut clients, pace, &options.load);
    let counts = clients.close();
    // Its own error says more than that the clients lost their connections.
    server.join().map_err(|_| "the echo panicked")??;
    let cpu_ns = played?;

    let mut report = Report::new("limit echo");
    report.parameter("connections", count);
    note_load(&mut report, &options.load, pace);
    report.figure("echoed", counts.echoed as f64 / options.load.seconds, "1/s");
    let each = cpu_ns as f64 / 1e3 / counts.echoed.max(1) as f64;
    report.compared_figure(
        CPU_PER_MESSAGE,
        each,
        "us",
        "5.0 with one message a segment, on a quiet machine",
    );
    report.latency("send to echo", &counts.latency);
    report.faults(&Faults {
        misdelivered: counts.spoilt,
        ..Faults::default()
    });
    Ok(report)
}

/// Lets the clients play; returns the nanoseconds that the server was on a CPU while measuring.
fn play(clients: &mut EchoClients, pace: Pace, load: &LoadOptions) -> Result<u64> {
    let clock = Clock::start();
    let phases = Phases::after(clock.ns(), seconds(load.warm_up), seconds(load.seconds), Duration::ZERO);
    thread::scope(|scope| {
        let playing = scope.spawn(|| clients.run(clock, phases, pace));
        clock.sleep_until(phases.measure_from);
        let before = Usage::of(std::process::id());
        clock.sleep_until(phases.measure_to);
        let after = Usage::of(std::process::id());
        playing.join().map_err(|_| "the clients panicked")??;
        let spent = &after? - &before?;
        Ok(spent.cpu_ns_by_thread.get(THREAD).copied().unwrap_or_default())
    })
}

/// A message as the scenarios send it.
fn message(content_bytes: usize) -> Vec<u8> {
    let mut text = Vec::new();
    let content = wire::content(content_bytes);
    let id = MessageIds::random().write(Place {
        sender: 0,
        index: 0,
        salt: 0,
    });
    Template::new(Transport::WebSocket, "u1", "single", &content).render(&id, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Document;

    #[test]
    fn every_message_comes_back_and_is_paid_for() {
        let load = LoadOptions {
            window: Some(2),
            rate: None,
            warm_up: 0.05,
            seconds: 0.3,
            drain: 0.0,
            content_bytes: 120,
            threads: 1,
        };
        let report = run(&EchoOptions { load, connections: 4 }).unwrap();
        assert!(report.is_sound());
        let json = serde_json::to_value(&report).unwrap();
        assert!(json["figures"][0]["value"].as_f64() > Some(100.0), "{json}");
        assert!(json["figures"][1]["value"].as_f64() > Some(0.5), "{json}");
    }
}
