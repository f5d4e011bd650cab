//! `ringim version`: what a report of a fault should name.

use serde_json::json;

use super::print;
use crate::runtime::start::driver;
use crate::store::sqlite::sqlite_version;

/// Program, SQLite, kernel, and how shards would talk to it.
pub fn text(json: bool) -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let versions = json!({
        "ringim": env!("CARGO_PKG_VERSION"),
        "sqlite": sqlite_version(),
        "kernel": kernel.trim_end(),
        "driver": driver::probe().to_string(),
    });
    if json {
        format!("{versions}\n")
    } else {
        print::members(&versions)
    }
}
