//! JSON arrays of integers: how keys and positions are kept in one column and stay readable in SQL.

/// Writes the array.
pub fn write(values: impl IntoIterator<Item = i64>) -> String {
    let mut text = String::from("[");
    for value in values {
        push(&mut text, value);
    }
    close(&mut text);
    text
}

/// Adds a value to an array that is still open: one that begins with `[` and is not closed.
pub fn push(text: &mut String, value: i64) {
    if text.len() > 1 {
        text.push(',');
    }
    // Formatting through `write!` costs more than the whole rest of a merge.
    let mut digits = [0u8; 20];
    let mut rest = value.unsigned_abs();
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        text.push('-');
    }
    text.extend(digits[start..].iter().map(|digit| char::from(*digit)));
}

/// Adds a whole closed array to an open one.
pub fn append(text: &mut String, array: &str) {
    let inner = array.trim_start_matches('[').trim_end_matches(']');
    if text.len() > 1 && !inner.is_empty() {
        text.push(',');
    }
    text.push_str(inner);
}

/// Closes an open array.
pub fn close(text: &mut String) {
    text.push(']');
}

/// How many values a closed array has.
pub fn count(array: &str) -> i64 {
    if array.len() <= 2 {
        0
    } else {
        1 + array.bytes().filter(|byte| *byte == b',').count() as i64
    }
}

/// Reads the array; what is no number is passed over.
pub fn read(array: &str) -> impl DoubleEndedIterator<Item = i64> + '_ {
    array
        .trim_start_matches('[')
        .trim_end_matches(']')
        .split(',')
        .filter_map(|digits| digits.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_come_back() {
        for values in [vec![], vec![0], vec![7, -12, i64::MAX, i64::MIN]] {
            let text = write(values.iter().copied());
            assert_eq!(read(&text).collect::<Vec<_>>(), values);
            assert_eq!(count(&text), values.len() as i64);
            assert_eq!(serde_json::from_str::<Vec<i64>>(&text).ok(), Some(values));
        }
    }

    #[test]
    fn arrays_join() {
        let mut text = String::from("[");
        append(&mut text, "[1,2]");
        append(&mut text, "[]");
        append(&mut text, "[3]");
        close(&mut text);
        assert_eq!(text, "[1,2,3]");
    }
}
