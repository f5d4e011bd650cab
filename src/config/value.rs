//! The written forms of setting values. An error is a phrase that completes "`<text>` ...".

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::network::Network;
use super::origins::Origins;

const SIZES: [(&str, usize); 8] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
    ("", 1),
];

const TIMES: [(&str, usize); 5] = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1), ("", 1)];

/// A whole number within the range.
pub fn count(text: &str, range: &RangeInclusive<usize>) -> Result<usize, String> {
    let number = digits(text).filter(|number| range.contains(number));
    number.ok_or_else(|| format!("is not a whole number from {} to {}", range.start(), range.end()))
}

/// A number of bytes: `65536`, `64KiB`, `1MB`.
pub fn bytes(text: &str, range: &RangeInclusive<usize>) -> Result<usize, String> {
    let number = with_unit(text, &SIZES).filter(|number| range.contains(number));
    number.ok_or_else(|| {
        let (low, high) = (written(*range.start(), &SIZES), written(*range.end(), &SIZES));
        format!("is not a size from {low} to {high}, written like 64KiB")
    })
}

/// A time of whole seconds: `10s`, `5m`, `7d`; a bare number is seconds.
pub fn duration(text: &str, range: &RangeInclusive<usize>) -> Result<Duration, String> {
    let seconds = with_unit(text, &TIMES).filter(|seconds| range.contains(seconds));
    seconds
        .map(|seconds| Duration::from_secs(seconds as u64))
        .ok_or_else(|| {
            let (low, high) = (written(*range.start(), &TIMES), written(*range.end(), &TIMES));
            format!("is not a time from {low} to {high}, written like 10s, 5m or 7d")
        })
}

/// A number of times a minute.
pub fn rate(text: &str) -> Result<u32, String> {
    let number = digits(text).and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| "is not a whole number; 0 is no limit".to_owned())
}

/// One of the words, which `|` separates.
pub fn word<'a>(text: &'a str, words: &str) -> Result<&'a str, String> {
    let is_known = words.split('|').any(|word| word == text);
    is_known.then_some(text).ok_or_else(|| format!("is not one of {words}"))
}

/// `true` or `false`.
pub fn switch(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "is neither `true` nor `false`".to_owned())
}

/// An address with a port.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    let hint = "is not an address with a port, such as 127.0.0.1:7800 or [::]:7800";
    text.parse().map_err(|_| hint.to_owned())
}

/// Networks separated by commas; none is allowed.
pub fn networks(text: &str) -> Result<Vec<Network>, String> {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    items
        .map(|item| {
            let hint = || format!("holds `{item}`, which is no address or network such as 10.0.0.0/8");
            item.parse().map_err(|_| hint())
        })
        .collect()
}

/// `*`, or origins separated by commas.
pub fn origins(text: &str) -> Result<Origins, String> {
    Origins::parse(text).map_err(|item| {
        format!("holds `{item}`, which is no origin such as https://chat.example.com, nor is all of it `*`")
    })
}

/// Digits alone: no sign, no space, no overflow.
fn digits(text: &str) -> Option<usize> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn with_unit(text: &str, units: &[(&str, usize)]) -> Option<usize> {
    let unit_at = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let (_, factor) = units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit.trim()))?;
    digits(number)?.checked_mul(*factor)
}

/// The number in the largest unit that divides it.
fn written(number: usize, units: &[(&str, usize)]) -> String {
    let fitting = units
        .iter()
        .find(|(_, factor)| number != 0 && number.is_multiple_of(*factor));
    fitting.map_or(number.to_string(), |(unit, factor)| {
        format!("{}{unit}", number / factor)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: RangeInclusive<usize> = 0..=usize::MAX;

    #[test]
    fn sizes_have_binary_and_decimal_units() {
        for (text, value) in [
            ("0", 0),
            ("17", 17),
            ("64KiB", 65_536),
            ("1 mib", 1 << 20),
            ("2GB", 2_000_000_000),
        ] {
            assert_eq!(bytes(text, &ANY), Ok(value), "{text}");
        }
        for text in [
            "",
            "KiB",
            "-1",
            "+1",
            "1.5MiB",
            "1K",
            "99999999999999999999",
            "18446744073709551615KiB",
        ] {
            assert!(bytes(text, &ANY).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_seconds_unless_a_unit_says_more() {
        for (text, seconds) in [("10", 10), ("10s", 10), ("5m", 300), ("2h", 7200), ("7d", 604_800)] {
            assert_eq!(duration(text, &ANY), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert!(duration("1w", &ANY).is_err() && duration("10ms", &ANY).is_err());
    }

    #[test]
    fn a_value_out_of_range_is_refused_with_the_range() {
        let fault = bytes("2GiB", &(1024..=1 << 30)).expect_err("too large");
        assert_eq!(fault, "is not a size from 1KiB to 1GiB, written like 64KiB");
        let fault = duration("0", &(1..=86_400)).expect_err("too short");
        assert_eq!(fault, "is not a time from 1s to 1d, written like 10s, 5m or 7d");
        assert_eq!(
            count("9", &(0..=8)),
            Err("is not a whole number from 0 to 8".to_owned())
        );
    }

    #[test]
    fn a_list_of_networks_names_the_item_that_is_none() {
        assert_eq!(networks("").map(|list| list.len()), Ok(0));
        assert_eq!(networks("10.0.0.0/8, ::1").map(|list| list.len()), Ok(2));
        assert!(networks("::1,nginx").expect_err("nginx is a name").contains("`nginx`"));
    }

    #[test]
    fn an_address_needs_its_port() {
        assert!(address("[::]:7800").is_ok());
        for text in ["127.0.0.1", "localhost:7800", ":7800", "127.0.0.1:99999"] {
            assert!(address(text).is_err(), "{text}");
        }
    }
}
