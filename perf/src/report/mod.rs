//! What a run has to say: one type for all scenarios, printed as a table and written as JSON.

mod chart;
mod faults;

use std::fmt::Display;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use hdrhistogram::Histogram;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::Result;

pub use chart::Chart;
pub use faults::Faults;

/// The result of one scenario.
#[derive(Serialize)]
pub struct Report {
    scenario: &'static str,
    parameters: Map<String, Value>,
    figures: Vec<Figure>,
    latencies: Vec<Latency>,
    charts: Vec<Chart>,
    faults: Faults,
}

/// One measured value.
#[derive(Serialize)]
struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    /// What it should be compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

/// Percentiles in milliseconds.
#[derive(Serialize)]
struct Latency {
    name: &'static str,
    p50: f64,
    p90: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

impl Report {
    /// A report without figures.
    pub fn new(scenario: &'static str) -> Self {
        Self {
            scenario,
            parameters: Map::new(),
            figures: Vec::new(),
            latencies: Vec::new(),
            charts: Vec::new(),
            faults: Faults::default(),
        }
    }

    /// Adds what the run was asked to do.
    pub fn parameter(&mut self, name: &str, value: impl Into<Value>) {
        self.parameters.insert(name.to_owned(), value.into());
    }

    /// Adds a measured value.
    pub fn figure(&mut self, name: impl Display, value: f64, unit: &'static str) {
        self.figures.push(Figure {
            name: name.to_string(),
            value,
            unit,
            note: None,
        });
    }

    /// Adds a measured value and what it should be compared with.
    pub fn compared_figure(&mut self, name: impl Display, value: f64, unit: &'static str, note: &'static str) {
        self.figures.push(Figure {
            name: name.to_string(),
            value,
            unit,
            note: Some(note),
        });
    }

    /// Adds the distribution of a latency in microseconds.
    pub fn latency(&mut self, name: &'static str, histogram: &Histogram<u64>) {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        let max = histogram.max() as f64 / 1000.0;
        self.latencies.push(Latency {
            name,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max,
        });
    }

    /// Adds curves, such as a growth curve or rates over time.
    pub fn chart(&mut self, chart: Chart) {
        self.charts.push(chart);
    }

    /// Adds faults.
    pub fn faults(&mut self, faults: &Faults) {
        self.faults += faults;
    }

    /// Whether nothing happened that must not.
    pub fn is_sound(&self) -> bool {
        self.faults == Faults::default()
    }

    /// Prints it for a person.
    pub fn print(&self) {
        let parameters: Vec<String> = self
            .parameters
            .iter()
            .map(|(name, value)| format!("{name}={}", plain(value)))
            .collect();
        println!("{}: {}\n", self.scenario, parameters.join(" "));
        for figure in &self.figures {
            let note = figure.note.map(|note| format!("  ({note})")).unwrap_or_default();
            println!(
                "  {:<34} {:>12} {}{note}",
                figure.name,
                rounded(figure.value),
                figure.unit
            );
        }
        if !self.latencies.is_empty() {
            println!(
                "\n  {:<34} {:>8} {:>8} {:>8} {:>8} {:>8}",
                "latency, ms", "p50", "p90", "p99", "p99.9", "max"
            );
        }
        for row in &self.latencies {
            println!(
                "  {:<34} {:>8.2} {:>8.2} {:>8.2} {:>8.2} {:>8.2}",
                row.name, row.p50, row.p90, row.p99, row.p999, row.max
            );
        }
        let faults: Vec<String> = self
            .faults
            .named()
            .iter()
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        println!(
            "\n  {}: {}",
            if self.is_sound() { "sound" } else { "NOT SOUND" },
            faults.join(", ")
        );
    }

    /// Writes it for a program.
    pub fn write_json(&self, path: &Path) -> Result<()> {
        Ok(serde_json::to_writer_pretty(BufWriter::new(File::create(path)?), self)?)
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Three digits are more than a noisy machine can tell.
fn rounded(value: f64) -> String {
    match value.abs() {
        1000.0.. => format!("{value:.0}"),
        100.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_fault_makes_a_run_unsound() {
        let mut report = Report::new("chat");
        assert!(report.is_sound());
        report.faults(&Faults {
            reordered: 1,
            ..Faults::default()
        });
        assert!(!report.is_sound());
    }

    #[test]
    fn json_has_every_part() {
        let mut report = Report::new("chat");
        report.parameter("connections", 2);
        report.figure("acked", 1.5, "1/s");
        let value = serde_json::to_value(&report).unwrap();
        assert_eq!(value["parameters"]["connections"], 2);
        assert_eq!(value["figures"][0]["value"], 1.5);
        assert_eq!(value["faults"]["lost"], 0);
    }
}
