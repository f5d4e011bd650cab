//! One plot as SVG.
//!
//! Drawn here rather than by a plotting crate: those write fixed sizes and colours, while this one must follow the width
//! of a phone without shrinking its text, the light or dark scheme of the page, and an axis of percentiles. So positions
//! are percentages, texts lie outside of what is stretched, and colours are classes of `page.css`.

use std::fmt::Write;

use super::html::escape;
use super::scale::{Scale, short};

/// Curves with at most so many points show each of them.
const SHOWN_POINTS: usize = 40;

/// Curves with at most so many points tell the value of each one that is pointed at.
const MARKED_POINTS: usize = 300;

/// Width and height of the space in which curves are drawn before they are stretched.
const SPACE: f64 = 1000.0;

/// Curves over two axes.
pub struct Plot<'a> {
    /// Name and unit of the horizontal axis.
    pub x_title: String,
    /// Name or unit of the vertical axis.
    pub y_title: String,
    pub x: Scale,
    pub y: Scale,
    pub curves: Vec<Curve<'a>>,
}

/// One curve of a plot.
pub struct Curve<'a> {
    pub name: &'a str,
    pub points: &'a [[f64; 2]],
}

impl Plot<'_> {
    /// Appends the legend and the picture.
    pub fn draw(&self, out: &mut String) {
        self.draw_legend(out);
        let _ = write!(
            out,
            r#"<svg class="plot" role="img" aria-label="{}">"#,
            escape(&self.description())
        );
        self.draw_axes(out);
        let _ = write!(
            out,
            r#"<svg width="100%" height="100%" viewBox="0 0 {SPACE} {SPACE}" preserveAspectRatio="none">"#
        );
        for (number, curve) in self.curves.iter().enumerate() {
            self.draw_line(number, curve, out);
        }
        out.push_str("</svg>");
        for (number, curve) in self.curves.iter().enumerate() {
            if curve.points.len() <= MARKED_POINTS {
                self.draw_marks(number, curve, out);
            }
        }
        out.push_str("</svg>\n");
    }

    fn description(&self) -> String {
        let names: Vec<&str> = self.curves.iter().map(|curve| curve.name).collect();
        format!("{} in {} over {}", names.join(", "), self.y_title, self.x_title)
    }

    fn draw_legend(&self, out: &mut String) {
        let _ = write!(
            out,
            r#"<ul class="legend"><li class="unit">{}</li>"#,
            escape(&self.y_title)
        );
        for (number, curve) in self.curves.iter().enumerate() {
            let _ = write!(
                out,
                r#"<li><svg class="key"><line x2="100%" y1="50%" y2="50%" class="curve {}"/></svg>{}</li>"#,
                style(number),
                escape(curve.name)
            );
        }
        out.push_str("</ul>");
    }

    fn draw_axes(&self, out: &mut String) {
        for tick in self.y.ticks() {
            let at = percent(1.0 - tick.position);
            let _ = write!(
                out,
                r#"<line class="grid" x2="100%" y1="{at}" y2="{at}"/><text class="y" x="0" dx="-8" y="{at}" dy=".35em">{}</text>"#,
                escape(&tick.label)
            );
        }
        for (number, tick) in self.x.ticks().iter().enumerate() {
            let at = percent(tick.position);
            let spare = if number % 2 == 1 { " spare" } else { "" };
            let _ = write!(
                out,
                r#"<line class="grid" x1="{at}" x2="{at}" y2="100%"/><text class="x{spare}" x="{at}" y="100%" dy="1.4em">{}</text>"#,
                escape(&tick.label)
            );
        }
        let _ = write!(
            out,
            r#"<text class="x title" x="50%" y="100%" dy="2.9em">{}</text>"#,
            escape(&self.x_title)
        );
    }

    fn draw_line(&self, number: usize, curve: &Curve<'_>, out: &mut String) {
        let _ = write!(out, r#"<polyline class="curve {}" points=""#, style(number));
        for &[x, y] in curve.points {
            let (x, y) = (self.x.position(x), 1.0 - self.y.position(y));
            let _ = write!(out, "{:.1},{:.1} ", x * SPACE, y * SPACE);
        }
        out.push_str(r#""/>"#);
    }

    fn draw_marks(&self, number: usize, curve: &Curve<'_>, out: &mut String) {
        let class = if curve.points.len() > SHOWN_POINTS {
            "mark hidden"
        } else {
            "mark"
        };
        for &[x, y] in curve.points {
            let _ = write!(
                out,
                r#"<circle class="{class} {}" cx="{}" cy="{}" r="3"><title>{} {} at {}</title></circle>"#,
                style(number),
                percent(self.x.position(x)),
                percent(1.0 - self.y.position(y)),
                escape(curve.name),
                short(significant(y)),
                short(significant(x)),
            );
        }
    }
}

/// Colour and dashes of the curve with this number.
fn style(number: usize) -> String {
    format!("c{}", number % 6)
}

fn percent(part: f64) -> String {
    format!("{:.2}%", part * 100.0)
}

/// Five digits of a value: enough to tell 99.99 from 99.9.
fn significant(value: f64) -> f64 {
    format!("{value:.4e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_has_its_axes_curves_and_names_escaped() {
        let plot = Plot {
            x_title: "time, s".to_owned(),
            y_title: "1/s".to_owned(),
            x: Scale::linear(2.0),
            y: Scale::linear(4.0),
            curves: vec![Curve {
                name: "<acked>",
                points: &[[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]],
            }],
        };
        let mut svg = String::new();
        plot.draw(&mut svg);
        assert!(svg.contains(r#"points="0.0,1000.0 500.0,500.0 1000.0,0.0 ""#), "{svg}");
        assert!(svg.contains("&lt;acked&gt;") && !svg.contains("<acked>"));
        assert!(svg.contains(">time, s</text>") && svg.contains(">1/s</li>"));
        assert_eq!(svg.matches("<circle").count(), 3);
        assert_eq!(svg.matches("<svg").count(), svg.matches("</svg>").count());
    }
}
