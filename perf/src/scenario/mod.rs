//! What can be measured; one module each.

pub mod chat;
pub mod echo;
pub mod fanout;
pub mod idle;
pub mod rest;
mod traffic;

use crate::options::ServerOptions;
use crate::process;
use crate::report::Report;

/// Notes what the server and the machine are.
fn note_server(report: &mut Report, options: &ServerOptions) {
    report.parameter("server", options.server.display().to_string());
    if !options.arguments.is_empty() {
        report.parameter("arguments", options.arguments.join(" "));
    }
    report.parameter("cpus", std::thread::available_parallelism().map_or(0, usize::from));
    report.parameter("kernel", process::kernel_release());
}
