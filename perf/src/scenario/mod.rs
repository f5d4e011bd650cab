//! What can be measured; one module each.

pub mod chat;
pub mod echo;
pub mod idle;

use crate::load::book::{Book, new_histogram};
use crate::load::run::Spent;
use crate::options::{LoadOptions, ServerOptions};
use crate::process;
use crate::report::Report;

/// Threads that used less than this part of the server's time are not listed.
const LISTED_SHARE: f64 = 0.02;

/// Names of the users of a run.
fn user_names(count: u32) -> Vec<String> {
    (0..count).map(|number| format!("u{number}")).collect()
}

/// Notes what the server and the machine are.
fn note_server(report: &mut Report, options: &ServerOptions) {
    report.parameter("server", options.server.display().to_string());
    if !options.arguments.is_empty() {
        report.parameter("arguments", options.arguments.join(" "));
    }
    report.parameter("cpus", std::thread::available_parallelism().map_or(0, usize::from));
    report.parameter("kernel", process::kernel_release());
}

/// Notes how the load was made.
fn note_load(report: &mut Report, options: &LoadOptions) {
    match options.rate {
        Some(rate) => report.parameter("rate", rate),
        None => report.parameter("window", options.window),
    }
    report.parameter("content_bytes", options.content_bytes);
    report.parameter("seconds", options.seconds);
    report.parameter("threads", options.threads);
}

/// Adds rates, latencies, costs for each message and faults.
fn add_traffic(report: &mut Report, books: &[Book], spent: &Spent, budget: &'static str) {
    let acked: u64 = books.iter().map(|book| book.measured.acked).sum();
    let delivered: u64 = books.iter().map(|book| book.measured.delivered).sum();
    let per_message = |total: u64| total as f64 / acked.max(1) as f64;
    let server_cpu = spent.server.cpu_ns();
    report.figure("acked", acked as f64 / spent.seconds, "1/s");
    report.figure("delivered", delivered as f64 / spent.seconds, "1/s");
    report.compared_figure("server CPU per message", per_message(server_cpu) / 1e3, "us", budget);
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
    report.figure("server CPUs used", server_cpu as f64 / spent.seconds / 1e9, "");
    report.figure(
        "generator CPUs used",
        spent.generator.cpu_ns() as f64 / spent.seconds / 1e9,
        "",
    );
    report.figure("CPUs busy with other work", spent.other_cpus, "");
    report.figure("server switches per message", per_message(spent.server.switches), "");
    report.figure("disk bytes per message", per_message(spent.server.written_bytes), "B");
    report.figure("server memory", spent.server_resident_bytes as f64 / 1048576.0, "MiB");
    add_latencies(report, books);
    for book in books {
        report.faults(&book.faults);
    }
}

fn add_latencies(report: &mut Report, books: &[Book]) {
    let (mut ack, mut delivery) = (new_histogram(), new_histogram());
    for book in books {
        ack += &book.ack_latency;
        delivery += &book.delivery_latency;
    }
    report.latency("send to ack", &ack);
    report.latency("send to receive", &delivery);
}
