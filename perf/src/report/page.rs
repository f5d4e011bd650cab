//! A report as one page for a browser.

use super::html::Page;
use super::latency::Latency;
use super::{Chart, Document, Faults, Figure, Report, plain, rounded};

impl Document for Report {
    fn is_sound(&self) -> bool {
        self.faults == Faults::default()
    }

    fn html(&self) -> String {
        let mut page = Page::new(&format!("ringim-perf {}", self.scenario));
        self.show_verdict(&mut page);
        self.show_figures(&mut page);
        self.show_latencies(&mut page);
        for chart in &self.growth {
            page.heading(&chart.name);
            page.chart(chart);
            show_table(&mut page, chart);
        }
        for chart in &self.charts {
            page.heading(&chart.name);
            page.chart(chart);
        }
        self.show_faults(&mut page);
        self.show_parameters(&mut page);
        page.finish()
    }
}

impl Report {
    fn show_verdict(&self, page: &mut Page) {
        match self.faults.present().as_slice() {
            [] => page.paragraph("good", "Sound: nothing happened that must not."),
            faults => {
                let verdict = format!("Not sound, so the figures count for nothing: {}.", faults.join(", "));
                page.paragraph("bad", &verdict);
            }
        }
        page.paragraph("soft", &self.parameter_line());
    }

    fn show_figures(&self, page: &mut Page) {
        if self.figures.is_empty() {
            return;
        }
        page.heading("Figures");
        let row = |figure: &Figure| {
            let note = figure
                .note
                .as_ref()
                .map(|note| format!("\n({note})"))
                .unwrap_or_default();
            vec![
                figure.name.clone() + &note,
                rounded(figure.value),
                figure.unit.to_owned(),
            ]
        };
        let rows: Vec<_> = self.figures.iter().map(row).collect();
        page.table(&["figure", "value", "unit"], &rows);
    }

    fn show_latencies(&self, page: &mut Page) {
        if self.latencies.is_empty() {
            return;
        }
        page.heading("Latency");
        let row = |latency: &Latency| {
            let values = latency.percentiles().map(|(_, value)| rounded(value));
            let count = latency.count.to_string();
            [latency.name.clone(), count].into_iter().chain(values).collect()
        };
        let rows: Vec<_> = self.latencies.iter().map(row).collect();
        page.table(&["ms", "count", "p50", "p90", "p99", "p99.9", "max"], &rows);
        let curves: Vec<_> = self
            .latencies
            .iter()
            .map(|latency| (latency.name.as_str(), latency))
            .collect();
        page.percentiles(&curves);
    }

    fn show_faults(&self, page: &mut Page) {
        page.heading("Faults");
        let faults = self.faults.named();
        let rows: Vec<_> = faults
            .iter()
            .map(|(name, count)| vec![(*name).to_owned(), count.to_string()])
            .collect();
        page.table(&["what must not happen", "count"], &rows);
    }

    fn show_parameters(&self, page: &mut Page) {
        page.heading("Parameters");
        let rows: Vec<_> = self
            .parameters
            .iter()
            .map(|(name, value)| vec![name.clone(), plain(value)])
            .collect();
        page.table(&["parameter", "value"], &rows);
    }
}

fn show_table(page: &mut Page, chart: &Chart) {
    let columns = chart.columns();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let row = |(x, values): (f64, Vec<Option<f64>>)| {
        let values = values.into_iter().map(|value| value.map(rounded).unwrap_or_default());
        std::iter::once(rounded(x)).chain(values).collect()
    };
    let rows: Vec<_> = chart.rows().into_iter().map(row).collect();
    page.table(&columns, &rows);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::full_report;

    #[test]
    fn any_fault_makes_a_run_unsound() {
        let mut report = Report::new("chat");
        assert!(report.is_sound() && report.html().contains("Sound: "));
        report.faults(&Faults {
            reordered: 1,
            ..Faults::default()
        });
        assert!(!report.is_sound() && report.html().contains("for nothing: reordered 1."));
    }

    #[test]
    fn html_has_every_plot_and_needs_nothing_else() {
        let html = full_report().html();
        assert_eq!(
            html.matches("<svg class=\"plot\"").count(),
            1 + 2 + 2,
            "one for each unit"
        );
        assert_eq!(html.matches("<figcaption>").count(), 3);
        for text in [
            "99.9",
            "percentile, %",
            "page p99",
            "Flat is good.",
            "the limit: 2",
            "connections",
        ] {
            assert!(html.contains(text), "{text}");
        }
        for outside in ["http:", "https:", "url(", "src=", "href=", "@import", "<script"] {
            assert!(!html.contains(outside), "{outside}");
        }
        assert!(html.contains("&lt;script&gt;alert(&#39;x&#39;)"));
    }
}
