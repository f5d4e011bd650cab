//! A report as one HTML page that needs nothing else: no network, no script, no other file.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

use super::chart::{Chart, Series};
use super::latency::Latency;
use super::plot::{Curve, Plot};
use super::scale::Scale;

const STYLE: &str = include_str!("page.css");

/// The smallest latency a logarithmic axis shows, in milliseconds: histograms count microseconds.
const SHORTEST_MS: f64 = 0.001;

/// A page under construction. All texts given to it are escaped.
pub struct Page {
    html: String,
}

impl Page {
    /// A page with a title.
    pub fn new(title: &str) -> Self {
        let title = escape(title);
        let html = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        );
        Self { html }
    }

    /// Begins a section.
    pub fn heading(&mut self, text: &str) {
        let _ = writeln!(self.html, "<h2>{}</h2>", escape(text));
    }

    /// A paragraph; `class` is one of the style sheet's, or empty.
    pub fn paragraph(&mut self, class: &str, text: &str) {
        let _ = writeln!(self.html, "<p class=\"{class}\">{}</p>", escape(text));
    }

    /// A table; a column is aligned as numbers if its first cell is one. A cell may have several lines.
    pub fn table(&mut self, head: &[&str], rows: &[Vec<String>]) {
        let is_number = |column: usize| {
            let first = rows.first().and_then(|row| row.get(column));
            first.is_some_and(|cell| cell.parse::<f64>().is_ok())
        };
        let classes: Vec<&str> = (0..head.len())
            .map(|column| if is_number(column) { " class=\"number\"" } else { "" })
            .collect();
        self.html.push_str("<div class=\"wide\"><table>\n");
        self.row("th", &classes, head.iter().copied());
        for row in rows {
            self.row("td", &classes, row.iter().map(String::as_str));
        }
        self.html.push_str("</table></div>\n");
    }

    fn row<'a>(&mut self, tag: &str, classes: &[&str], cells: impl Iterator<Item = &'a str>) {
        self.html.push_str("<tr>");
        for (cell, class) in cells.zip(classes) {
            let _ = write!(self.html, "<{tag}{class}>{}</{tag}>", escape(cell));
        }
        self.html.push_str("</tr>\n");
    }

    /// The percentile curves of several latencies in one plot.
    pub fn percentiles(&mut self, latencies: &[(&str, &Latency)]) {
        let measured = || latencies.iter().filter(|(_, latency)| latency.count > 0);
        let count = measured().map(|(_, latency)| latency.count).max().unwrap_or_default();
        if count == 0 {
            return;
        }
        let values = || measured().flat_map(|(_, latency)| &latency.curve).map(|point| point[1]);
        let plot = Plot {
            x_title: "percentile, %".to_owned(),
            y_title: "ms".to_owned(),
            x: Scale::percentile(count),
            y: Scale::logarithmic(
                values().fold(f64::INFINITY, f64::min).max(SHORTEST_MS),
                values().fold(SHORTEST_MS, f64::max),
            ),
            curves: measured()
                .map(|&(name, latency)| Curve {
                    name,
                    points: &latency.curve,
                })
                .collect(),
        };
        self.figure(
            &[plot],
            "At 99 stands what one in a hundred exceeded; each step to the right is ten times rarer, the right end \
             is the slowest of all, and a curve that stays low further to the right is better.",
        );
    }

    /// The curves of a chart, one plot for each unit.
    pub fn chart(&mut self, chart: &Chart) {
        let mut by_unit: BTreeMap<usize, Vec<&Series>> = BTreeMap::new();
        for series in &chart.series {
            let first = chart.series.iter().position(|other| other.unit == series.unit);
            by_unit.entry(first.unwrap_or_default()).or_default().push(series);
        }
        let largest = |series: &[&Series], axis: usize| {
            let points = series.iter().flat_map(|series| &series.points);
            points.map(|point| point[axis]).fold(0.0, f64::max)
        };
        let all: Vec<&Series> = chart.series.iter().collect();
        let x = Scale::linear(largest(&all, 0));
        let plots: Vec<Plot<'_>> = by_unit
            .values()
            .map(|series| Plot {
                x_title: chart.x.title(),
                y_title: series[0].unit.clone(),
                x: x.clone(),
                y: Scale::linear(largest(series, 1)),
                curves: series.iter().map(|series| series.curve()).collect(),
            })
            .collect();
        self.figure(&plots, &chart.reading);
    }

    fn figure(&mut self, plots: &[Plot<'_>], reading: &str) {
        self.html.push_str("<figure>\n");
        for plot in plots {
            plot.draw(&mut self.html);
        }
        let _ = writeln!(self.html, "<figcaption>{}</figcaption>\n</figure>", escape(reading));
    }

    /// The page.
    pub fn finish(mut self) -> String {
        self.html.push_str("</body>\n</html>\n");
        self.html
    }
}

/// Text that is nothing but text in HTML, inside quotes too.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}
