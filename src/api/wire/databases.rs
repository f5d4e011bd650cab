//! What a check of the databases has found.

use super::json::{Members, write_value};
use crate::store::sqlite::Report;

/// The faults, and how many rows each view has.
pub fn write_report(report: &Report, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members.list("faults", &report.faults, write_value);
    let mut rows = Members::begin(members.name("rows"));
    for (view, count) in &report.rows {
        rows.value(view, count);
    }
    rows.end();
    members.end();
}

/// Where a backup was written.
pub fn write_backup(file: &str, out: &mut Vec<u8>) {
    Members::begin(out).value("file", file).end();
}
