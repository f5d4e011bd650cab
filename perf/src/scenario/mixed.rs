//! A day in the life: everything that users and back ends do, at once and at random times.

use super::day::Day;
use crate::error::Result;
use crate::options::MixedOptions;
use crate::progress::Progress;
use crate::report::Report;

/// Runs the scenario.
pub fn run(options: &MixedOptions) -> Result<Report> {
    let progress = Progress::start("mixed");
    let mut day = Day::begin(options, &progress)?;
    let timeline = day.pass(&options.load, &progress)?;
    let mut report = Report::new("mixed");
    day.end(&mut report, options, &timeline)?;
    Ok(report)
}
