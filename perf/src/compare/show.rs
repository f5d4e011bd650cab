//! A comparison as text and as a page.

use std::fmt;

use super::budget::ECHO_US;
use super::comparison::{Comparison, LimitMultiple, Measure, OURS};
use super::summary::Summary;
use crate::report::html::Page;
use crate::report::latency::Latency;
use crate::report::{CPU_PER_MESSAGE, Chart, Document, Faults, rounded};

/// Latencies whose curves are shown.
const LATENCIES: [&str; 2] = ["send to ack", "send to receive"];

/// What is shown of each round.
const BY_ROUND: [&str; 3] = ["acked", CPU_PER_MESSAGE, "CPUs busy with other work"];

/// What stands for a measure that a server does not have.
const NONE: &str = "-";

/// Rows of texts under titles.
struct Table {
    title: String,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Document for Comparison {
    fn is_sound(&self) -> bool {
        self.faults == Faults::default()
    }

    fn html(&self) -> String {
        let mut page = Page::new(&format!("ringim-perf compare {}", self.scenario()));
        for line in self.verdict() {
            page.paragraph(if self.is_sound() { "good" } else { "bad" }, &line);
        }
        page.paragraph("soft", &self.parameters());
        for table in self.tables() {
            let head: Vec<&str> = table.head.iter().map(String::as_str).collect();
            page.heading(&table.title);
            page.table(&head, &table.rows);
        }
        for name in LATENCIES {
            let latencies = self.latencies(name);
            if !latencies.is_empty() {
                page.heading(&format!("{name}, in the last round"));
                page.percentiles(&latencies);
            }
        }
        page.heading("Round by round");
        page.chart(&self.by_round());
        page.finish()
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "compare {}: {}", self.scenario(), self.parameters())?;
        for table in self.tables() {
            write!(out, "\n{table}")?;
        }
        self.verdict().iter().try_for_each(|line| write!(out, "\n  {line}"))?;
        writeln!(out)
    }
}

impl Comparison {
    fn scenario(&self) -> &str {
        self.first().map_or("nothing", |report| report.scenario())
    }

    fn parameters(&self) -> String {
        let parameters = self.first().map(|report| report.parameter_line()).unwrap_or_default();
        format!("rounds={}; {parameters}", self.rounds)
    }

    fn tables(&self) -> Vec<Table> {
        let limit = self.limit.as_ref().map(limit_table);
        [Some(self.medians()), self.ratios(), limit]
            .into_iter()
            .flatten()
            .collect()
    }

    fn medians(&self) -> Table {
        let servers = self.servers();
        let row = |measure: &Measure| {
            let cells = servers
                .iter()
                .map(|&server| measure.of_server(server).map_or(NONE.to_owned(), spread));
            std::iter::once(measure.title()).chain(cells).collect()
        };
        Table {
            title: "Median (min to max)".to_owned(),
            head: std::iter::once("")
                .chain(servers.iter().copied())
                .map(str::to_owned)
                .collect(),
            rows: self.measures.iter().map(row).collect(),
        }
    }

    /// Nothing if no other server played.
    fn ratios(&self) -> Option<Table> {
        let others: Vec<&str> = self.servers().into_iter().filter(|&server| server != OURS).collect();
        let row = |measure: &Measure| {
            let cells = others
                .iter()
                .map(|&other| measure.ratio(other).map_or(NONE.to_owned(), digits));
            std::iter::once(measure.name.to_owned()).chain(cells).collect()
        };
        (!others.is_empty()).then(|| Table {
            title: format!("{OURS} divided by"),
            head: std::iter::once("")
                .chain(others.iter().copied())
                .map(str::to_owned)
                .collect(),
            rows: self.measures.iter().map(row).collect(),
        })
    }

    /// Whether all are sound, or who was not.
    fn verdict(&self) -> Vec<String> {
        let unsound = self.runs.iter().filter(|run| !run.report.is_sound());
        let unsound: Vec<String> = unsound
            .map(|run| {
                let faults = run.report.found().present().join(", ");
                format!("NOT SOUND: {} in round {}: {faults}", run.contestant, run.round)
            })
            .collect();
        match unsound.is_empty() {
            true => vec!["Sound: nothing happened that must not.".to_owned()],
            false => unsound,
        }
    }

    fn latencies(&self, name: &str) -> Vec<(&str, &Latency)> {
        let last_round = self.runs.iter().filter(|run| run.round == self.rounds);
        last_round
            .filter_map(|run| Some((run.contestant.as_str(), run.report.latency_named(name)?)))
            .collect()
    }

    fn by_round(&self) -> Chart {
        let mut chart = Chart::new(
            "by round",
            ("round", ""),
            "Curves that keep their distance tell of the servers, curves that rise and fall together of the machine.",
        );
        for measure in BY_ROUND {
            for run in &self.runs {
                if let (Some(value), Some(unit)) = (run.report.value(measure), run.report.unit(measure)) {
                    let series = format!("{}: {measure}", run.contestant);
                    chart.point(&series, unit, run.round.into(), value);
                }
            }
        }
        chart
    }
}

impl Measure {
    fn title(&self) -> String {
        match self.unit {
            "" => self.name.to_owned(),
            unit => format!("{}, {unit}", self.name),
        }
    }

    fn of_server(&self, server: &str) -> Option<Summary> {
        let other = self.others.iter().find(|other| other.contestant == server);
        other
            .map(|other| other.summary)
            .or((server == OURS).then_some(self.ours))
    }

    fn ratio(&self, other: &str) -> Option<f64> {
        let other = self.others.iter().find(|entry| entry.contestant == other)?;
        Some(other.ratio).filter(|ratio| ratio.is_finite())
    }
}

fn limit_table(limit: &LimitMultiple) -> Table {
    let row = |name: &str, summary: Summary| vec![name.to_owned(), spread(summary)];
    let budget = limit.budget.iter().flat_map(|budget| {
        let name = format!("budget: {} where the echo takes {ECHO_US:.1}", budget.reckoned);
        [
            row(&name, budget.today),
            row(&format!("{OURS} divided by the budget"), budget.multiple),
        ]
    });
    let limit = [
        row("raw io_uring echo", limit.echo),
        row("plain append to SQLite", limit.append),
        row("messages of a commit", limit.batch),
        row(OURS, limit.ours),
        row(&format!("{OURS} divided by echo + append"), limit.multiple),
    ];
    Table {
        title: "CPU per message beside the limit, us".to_owned(),
        head: vec![String::new(), "median (min to max)".to_owned()],
        rows: limit.into_iter().chain(budget).collect(),
    }
}

/// One round has no spread.
fn spread(summary: Summary) -> String {
    let Summary { median, min, max } = summary;
    match min == max {
        true => rounded(median),
        false => format!("{} ({} to {})", rounded(median), rounded(min), rounded(max)),
    }
}

/// A ratio to three digits.
fn digits(ratio: f64) -> String {
    match ratio {
        10.0.. => format!("{ratio:.1}"),
        1.0.. => format!("{ratio:.2}"),
        _ => format!("{ratio:.3}"),
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = || std::iter::once(&self.head).chain(&self.rows);
        let width = |column: usize| {
            lines()
                .filter_map(|line| line.get(column))
                .map(|cell| cell.chars().count())
                .max()
        };
        let widths: Vec<usize> = (0..self.head.len())
            .map(|column| width(column).unwrap_or_default())
            .collect();
        writeln!(out, "  {}", self.title)?;
        for line in lines() {
            let cells = line
                .iter()
                .zip(&widths)
                .enumerate()
                .map(|(column, (cell, &width))| match column {
                    0 => format!("{cell:<width$}"),
                    _ => format!("{cell:>width$}"),
                });
            writeln!(out, "    {}", cells.collect::<Vec<_>>().join("  "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let table = Table {
            title: "Median".to_owned(),
            head: ["", "ringim"].map(str::to_owned).to_vec(),
            rows: vec![["acked, 1/s", "80000 (79000 to 81000)"].map(str::to_owned).to_vec()],
        };
        let expected = "  Median\n                                ringim\n    acked, 1/s  80000 (79000 to 81000)\n";
        assert_eq!(table.to_string(), expected);
    }

    #[test]
    fn ratios_have_three_digits() {
        assert_eq!([0.3333, 2.5, 11.44].map(digits), ["0.333", "2.50", "11.4"]);
    }
}
