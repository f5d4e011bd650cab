//! Curves of a run: rates over time, cost over growth.

use serde::Serialize;

use super::plot::Curve;

/// Curves over one horizontal axis. Series of one unit share a plot; each further unit gets a plot of its own below.
#[derive(Debug, Clone, Serialize)]
pub struct Chart {
    pub name: String,
    /// How to read it, in one sentence.
    pub reading: String,
    pub x: Axis,
    pub series: Vec<Series>,
}

/// What the horizontal axis measures.
#[derive(Debug, Clone, Serialize)]
pub struct Axis {
    name: String,
    unit: String,
}

/// One curve: points in ascending order of x.
#[derive(Debug, Clone, Serialize)]
pub struct Series {
    pub name: String,
    pub unit: String,
    pub points: Vec<[f64; 2]>,
}

impl Chart {
    /// A chart without curves; `x` is the name of the horizontal axis and its unit.
    pub fn new(name: &str, x: (&str, &str), reading: &str) -> Self {
        Self {
            name: name.to_owned(),
            reading: reading.to_owned(),
            x: Axis {
                name: x.0.to_owned(),
                unit: x.1.to_owned(),
            },
            series: Vec::new(),
        }
    }

    /// Adds a point to the curve of this name, which begins with its first point.
    pub fn point(&mut self, series: &str, unit: &str, x: f64, y: f64) {
        let known = self.series.iter().position(|known| known.name == series);
        let index = known.unwrap_or_else(|| {
            self.series.push(Series {
                name: series.to_owned(),
                unit: unit.to_owned(),
                points: Vec::new(),
            });
            self.series.len() - 1
        });
        self.series[index].points.push([x, y]);
    }

    /// The titles of the chart as a table: the horizontal axis and every curve.
    pub fn columns(&self) -> Vec<String> {
        let curves = self.series.iter().map(|series| titled(&series.name, &series.unit));
        std::iter::once(self.x.title()).chain(curves).collect()
    }

    /// The points of the chart as a table: a row for each x, with a value where a curve has one.
    pub fn rows(&self) -> Vec<(f64, Vec<Option<f64>>)> {
        let points = self.series.iter().flat_map(|series| &series.points);
        let mut xs: Vec<f64> = points.map(|point| point[0]).collect();
        xs.sort_by(f64::total_cmp);
        xs.dedup();
        xs.into_iter()
            .map(|x| (x, self.series.iter().map(|series| series.at(x)).collect()))
            .collect()
    }
}

impl Axis {
    /// Name and unit.
    pub fn title(&self) -> String {
        titled(&self.name, &self.unit)
    }
}

impl Series {
    fn at(&self, x: f64) -> Option<f64> {
        self.points.iter().find(|point| point[0] == x).map(|point| point[1])
    }

    /// The series as a plot takes it.
    pub fn curve(&self) -> Curve<'_> {
        Curve {
            name: &self.name,
            points: &self.points,
        }
    }
}

fn titled(name: &str, unit: &str) -> String {
    match unit {
        "" => name.to_owned(),
        unit => format!("{name}, {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_gather_in_their_curves() {
        let mut chart = Chart::new("growth", ("rows", ""), "A flat curve means a flat cost.");
        for (rows, rate) in [(1e6, 70e3), (2e6, 60e3)] {
            chart.point("rate", "1/s", rows, rate);
            chart.point("written", "B", rows, 900.0);
        }
        let json = serde_json::to_value(&chart).unwrap();
        assert_eq!(json["x"]["name"], "rows");
        assert_eq!(json["series"].as_array().map(Vec::len), Some(2));
        assert_eq!(
            json["series"][0]["points"],
            serde_json::json!([[1e6, 70e3], [2e6, 60e3]])
        );
        assert_eq!(json["series"][1]["unit"], "B");
    }

    #[test]
    fn as_a_table_every_x_is_a_row() {
        let mut chart = Chart::new("growth", ("rows", ""), "");
        chart.point("rate", "1/s", 1e6, 70e3);
        chart.point("rate", "1/s", 2e6, 60e3);
        chart.point("page p99", "ms", 2e6, 0.4);
        assert_eq!(chart.columns(), ["rows", "rate, 1/s", "page p99, ms"]);
        let rows = [(1e6, vec![Some(70e3), None]), (2e6, vec![Some(60e3), Some(0.4)])];
        assert_eq!(chart.rows(), rows);
    }
}
