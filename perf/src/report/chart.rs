//! Curves of a run: rates over time, cost over growth.

use serde::Serialize;

/// Curves over one horizontal axis. Series of one unit share a plot; each further unit gets a plot of its own below.
#[derive(Debug, Clone, Serialize)]
pub struct Chart {
    name: String,
    /// How to read it, in one sentence.
    reading: String,
    x: Axis,
    series: Vec<Series>,
}

/// What the horizontal axis measures.
#[derive(Debug, Clone, Serialize)]
struct Axis {
    name: String,
    unit: String,
}

/// One curve: points in ascending order of x.
#[derive(Debug, Clone, Serialize)]
struct Series {
    name: String,
    unit: String,
    points: Vec<[f64; 2]>,
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
}
