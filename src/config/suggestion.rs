//! "Did you mean ...?" for names that are not in a table.

/// The known name closest to a mistyped one, if any is close enough to be meant. `_` counts as `-`.
pub fn closest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |name: &str| name.to_ascii_lowercase().replace('_', "-");
    let typed = plain(typed);
    let most_edits = (typed.len() / 4).max(1);
    let nearest = known.into_iter().min_by_key(|name| distance(&typed, &plain(name)))?;
    (distance(&typed, &plain(nearest)) <= most_edits).then_some(nearest)
}

/// Levenshtein distance: insertions, deletions and replacements from `a` to `b`.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, byte_a) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, byte_b) in row.iter_mut().skip(1).zip(b.bytes()) {
            let replaced = diagonal + usize::from(byte_a != byte_b);
            diagonal = *cell;
            *cell = replaced.min(left + 1).min(diagonal + 1);
            left = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        for (a, b, edits) in [
            ("", "", 0),
            ("", "ab", 2),
            ("ab", "", 2),
            ("kitten", "sitting", 3),
            ("listen", "lisen", 1),
        ] {
            assert_eq!(distance(a, b), edits, "{a} {b}");
        }
    }

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let known = ["listen", "data", "max-body-bytes"];
        assert_eq!(closest("lisen", known), Some("listen"));
        assert_eq!(closest("MAX_BODY_BYTE", known), Some("max-body-bytes"));
        assert_eq!(closest("colour", known), None);
    }
}
