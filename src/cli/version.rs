//! `ringim version`: what a report of a fault should name.

use serde_json::Value;

use crate::runtime::start::driver;
use crate::store::sqlite::sqlite_version;

/// Program, SQLite, kernel, and how shards would talk to it.
pub fn text(json: bool) -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let driver = driver::probe().to_string();
    let versions = [
        ("ringim", env!("CARGO_PKG_VERSION")),
        ("sqlite", sqlite_version()),
        ("kernel", kernel.trim_end()),
        ("driver", &*driver),
    ];
    if json {
        let members = versions.map(|(name, version)| (name.to_owned(), Value::from(version)));
        format!("{}\n", Value::from_iter(members))
    } else {
        versions
            .iter()
            .map(|(name, version)| format!("{name} {version}\n"))
            .collect()
    }
}
