//! A report as text for a terminal.

use std::fmt;

use super::chart::Chart;
use super::{Document, Report};

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}: {}\n", self.scenario, self.parameter_line())?;
        for figure in &self.figures {
            let note = figure
                .note
                .as_ref()
                .map(|note| format!("  ({note})"))
                .unwrap_or_default();
            let value = rounded(figure.value);
            writeln!(out, "  {:<34} {value:>12} {}{note}", figure.name, figure.unit)?;
        }
        self.write_latencies(out)?;
        for chart in &self.growth {
            write_table(chart, out)?;
        }
        let faults = self.faults.named().map(|(name, count)| format!("{name} {count}"));
        let verdict = if self.is_sound() { "sound" } else { "NOT SOUND" };
        writeln!(out, "\n  {verdict}: {}", faults.join(", "))
    }
}

impl Report {
    fn write_latencies(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, latency) in self.latencies.iter().enumerate() {
            let percentiles = latency.percentiles();
            if number == 0 {
                let names = percentiles.map(|(name, _)| format!(" {name:>8}"));
                writeln!(out, "\n  {:<34}{}", "latency, ms", names.concat())?;
            }
            let values = percentiles.map(|(_, value)| format!(" {value:>8.2}"));
            writeln!(out, "  {:<34}{}", latency.name, values.concat())?;
        }
        Ok(())
    }
}

fn write_table(chart: &Chart, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let columns = chart.columns();
    let line: Vec<String> = columns.iter().map(|title| format!("{title:>12}")).collect();
    writeln!(out, "\n  {}\n  {}", chart.name, line.join("  "))?;
    for (x, values) in chart.rows() {
        let values = std::iter::once(Some(x)).chain(values).zip(&columns);
        let line: Vec<String> = values
            .map(|(value, title)| {
                let value = value.map(rounded).unwrap_or_default();
                format!("{value:>width$}", width = title.chars().count().max(12))
            })
            .collect();
        writeln!(out, "  {}", line.join("  "))?;
    }
    Ok(())
}

/// Three digits are more than a noisy machine can tell.
pub fn rounded(value: f64) -> String {
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
    fn a_terminal_gets_figures_growth_and_the_verdict() {
        let mut report = Report::new("writer");
        report.compared_figure("acked", 18_300.4, "1/s", "limit 20000");
        let mut growth = Chart::new("growth", ("rows", ""), "");
        growth.point("rate", "1/s", 1e6, 70_000.0);
        growth.point("history page p99", "ms", 1e6, 0.4);
        report.growth(growth);
        let text = report.to_string();
        assert!(text.contains("18300 1/s  (limit 20000)"), "{text}");
        assert!(
            text.contains("        rows     rate, 1/s  history page p99, ms\n"),
            "{text}"
        );
        assert!(
            text.contains("     1000000         70000                  0.40\n"),
            "{text}"
        );
        assert!(text.contains("sound: lost 0"), "{text}");
    }
}
