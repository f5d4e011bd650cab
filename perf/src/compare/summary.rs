//! A few values of one measure, summed up.

use serde::Serialize;

/// What rounds of the same thing gave.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Summary {
    /// Sums up; nothing if there are no values.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (&min, &max) = (values.first()?, values.last()?);
        let (below, above) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        Some(Self {
            median: (below + above) / 2.0,
            min,
            max,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        let of = |values: &[f64]| Summary::of(values.iter().copied());
        let summary = |median, min, max| Some(Summary { median, min, max });
        assert_eq!(of(&[9.0, 1.0, 2.0]), summary(2.0, 1.0, 9.0));
        assert_eq!(of(&[4.0, 1.0, 2.0, 8.0]), summary(3.0, 1.0, 8.0));
        assert_eq!(of(&[5.0]), summary(5.0, 5.0, 5.0));
        assert_eq!(of(&[]), None);
    }
}
