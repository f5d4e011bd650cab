//! What can be measured; one module each.

pub mod chat;
mod day;
pub mod echo;
pub mod fanout;
pub mod history;
pub mod idle;
pub mod mixed;
pub mod rest;
pub mod soak;
pub mod storm;
mod traffic;
pub mod writer;

use crate::error::Result;
use crate::load::worker::Pace;
use crate::options::{LoadOptions, ServerOptions};
use crate::process;
use crate::report::Report;

/// Notes how the load was made.
pub fn note_load(report: &mut Report, load: &LoadOptions, pace: Pace) {
    match pace {
        Pace::Rate(rate) => report.parameter("rate", rate),
        Pace::Window(window) => report.parameter("window", window),
        Pace::Silent => {}
    }
    report.parameter("content_bytes", load.content_bytes);
    report.parameter("seconds", load.seconds);
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

/// Every client is a file of this process.
fn raise_file_limit() -> Result<()> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}
