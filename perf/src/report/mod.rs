//! What a run has to say: one type for all scenarios, for a person ([`text`], [`html`]) and for a program (JSON).

mod chart;
mod document;
mod faults;
pub mod html;
pub mod latency;
mod page;
mod plot;
mod scale;
mod text;

use std::borrow::Cow;
use std::fmt::Display;
use std::time::SystemTime;

use hdrhistogram::Histogram;
use serde::Serialize;
use serde_json::{Map, Value};

pub use chart::Chart;
pub use document::Document;
pub use faults::Faults;
use latency::Latency;
pub use text::rounded;

/// A figure that others are compared by: what a message, however it is made, costs a server, or the part of one.
pub const CPU_PER_MESSAGE: &str = "server CPU per message";

/// A figure that other runs are measured by: how many messages of the run a commit took on average.
pub const MESSAGES_PER_COMMIT: &str = "messages per commit";

/// Bytes of the unit `MiB`.
pub const MEBIBYTE: f64 = 1_048_576.0;

/// The result of one scenario.
#[derive(Serialize)]
pub struct Report {
    scenario: &'static str,
    parameters: Map<String, Value>,
    figures: Vec<Figure>,
    latencies: Vec<Latency>,
    growth: Vec<Chart>,
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
    note: Option<Cow<'static, str>>,
}

impl Report {
    /// A report without figures that tells when and by which command it was made.
    pub fn new(scenario: &'static str) -> Self {
        let mut report = Self {
            scenario,
            parameters: Map::new(),
            figures: Vec::new(),
            latencies: Vec::new(),
            growth: Vec::new(),
            charts: Vec::new(),
            faults: Faults::default(),
        };
        let command: Vec<String> = std::env::args().collect();
        report.parameter("date", humantime::format_rfc3339_seconds(SystemTime::now()).to_string());
        report.parameter("command", command.join(" "));
        report
    }

    /// The scenario's name on the command line.
    pub fn scenario(&self) -> &'static str {
        self.scenario
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
    pub fn compared_figure(
        &mut self,
        name: impl Display,
        value: f64,
        unit: &'static str,
        note: impl Into<Cow<'static, str>>,
    ) {
        self.figures.push(Figure {
            name: name.to_string(),
            value,
            unit,
            note: Some(note.into()),
        });
    }

    /// Adds the distribution of a latency in microseconds.
    pub fn latency(&mut self, name: &'static str, histogram: &Histogram<u64>) {
        self.latencies.push(Latency::of(name, histogram));
    }

    /// Adds a growth curve: few points, which people also get as a table.
    pub fn growth(&mut self, chart: Chart) {
        self.growth.push(chart);
    }

    /// Adds curves of many points, such as rates over time.
    pub fn chart(&mut self, chart: Chart) {
        self.charts.push(chart);
    }

    /// Adds faults.
    pub fn faults(&mut self, faults: &Faults) {
        self.faults += faults;
    }

    /// What happened that must not.
    pub fn found(&self) -> &Faults {
        &self.faults
    }

    /// A measured value, by the name of its figure or by a latency and its percentile, such as `send to ack p99`.
    pub fn value(&self, name: &str) -> Option<f64> {
        Some(self.measured(name)?.0)
    }

    /// The unit of a measured value.
    pub fn unit(&self, name: &str) -> Option<&'static str> {
        Some(self.measured(name)?.1)
    }

    fn measured(&self, name: &str) -> Option<(f64, &'static str)> {
        let figure = self.figures.iter().find(|figure| figure.name == name);
        figure.map(|figure| (figure.value, figure.unit)).or_else(|| {
            let measured = self.latencies.iter().filter(|latency| latency.count > 0);
            let named = measured.filter_map(|latency| Some((latency, name.strip_prefix(&latency.name)?.trim_start())));
            let mut values = named.filter_map(|(latency, percentile)| latency.value(percentile));
            values.next().map(|value| (value, Latency::UNIT))
        })
    }

    /// The distribution of a latency.
    pub fn latency_named(&self, name: &str) -> Option<&Latency> {
        self.latencies.iter().find(|latency| latency.name == name)
    }

    /// The parameters in one line.
    pub fn parameter_line(&self) -> String {
        let pairs = self.parameters.iter().filter(|(name, _)| *name != "command");
        let pairs: Vec<String> = pairs.map(|(name, value)| format!("{name}={}", plain(value))).collect();
        pairs.join("; ")
    }
}

/// A parameter as people write it.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A report with every part; its server has a hostile name.
    pub fn full_report() -> Report {
        let mut histogram = Histogram::new(3).unwrap();
        (1..=1000).for_each(|value| histogram.record(value).unwrap());
        let mut report = Report::new("chat");
        report.parameter("connections", 2);
        report.parameter("server", "<script>alert('x')</script>");
        report.compared_figure("acked", 1.5, "1/s", "the limit: 2");
        report.latency("send to ack", &histogram);
        for (chart, add) in [
            ("growth", Report::growth as fn(&mut Report, Chart)),
            ("over time", Report::chart),
        ] {
            let mut curves = Chart::new(chart, ("rows", ""), "Flat is good.");
            curves.point("rate", "1/s", 1e6, 70e3);
            curves.point("rate", "1/s", 2e6, 69e3);
            curves.point("page p99", "ms", 2e6, 0.4);
            add(&mut report, curves);
        }
        report
    }

    #[test]
    fn values_are_found_by_the_names_they_are_shown_under() {
        let report = full_report();
        assert_eq!((report.value("acked"), report.unit("acked")), (Some(1.5), Some("1/s")));
        assert_eq!(report.value("send to ack p50"), Some(0.5));
        assert_eq!(report.unit("send to ack p99.9"), Some("ms"));
        assert_eq!(report.value("send to ack p98"), None);
        assert_eq!(report.value("delivered"), None);
    }

    #[test]
    fn json_has_every_part() {
        let value = serde_json::to_value(full_report()).unwrap();
        assert_eq!(value["parameters"]["connections"], 2);
        assert!(
            value["parameters"]["date"]
                .as_str()
                .is_some_and(|date| date.ends_with('Z'))
        );
        let figure = &value["figures"][0];
        assert_eq!((&figure["value"], &figure["unit"]), (&1.5.into(), &"1/s".into()));
        let latency = &value["latencies"][0];
        assert_eq!((&latency["p50"], &latency["unit"]), (&0.5.into(), &"ms".into()));
        assert!(latency["curve"].as_array().is_some_and(|curve| curve.len() > 20));
        assert_eq!(
            value["growth"][0]["series"][0]["points"][1],
            serde_json::json!([2e6, 69e3])
        );
        assert_eq!(value["charts"][0]["name"], "over time");
        assert_eq!(value["faults"]["lost"], 0);
    }
}
