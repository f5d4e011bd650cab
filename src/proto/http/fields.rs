//! The fields of a request, read where they were received.

/// The field lines of a checked head. Looking a field up walks the lines; nothing is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fields<'a> {
    /// Complete lines with their line ends, without the empty line.
    lines: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Wraps field lines that the head parser has checked.
    pub(super) fn new(lines: &'a [u8]) -> Self {
        Self { lines }
    }

    /// All fields in the order received: name as sent, value without surrounding white space.
    pub fn iter(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.lines().filter_map(|line| {
            let colon = memchr::memchr(b':', line)?;
            Some((&line[..colon], line[colon + 1..].trim_ascii()))
        })
    }

    fn lines(self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.lines;
        std::iter::from_fn(move || {
            let line;
            (line, rest) = rest.split_at(memchr::memchr(b'\n', rest)? + 1);
            Some(line)
        })
    }

    /// The values of all fields called `name`, in any case.
    pub fn all(self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.lines().filter_map(move |line| {
            let (found, value) = line.split_at_checked(name.len())?;
            let value = value.strip_prefix(b":")?;
            found.eq_ignore_ascii_case(name.as_bytes()).then(|| value.trim_ascii())
        })
    }

    /// The value of the first field called `name`, in any case.
    pub fn get(self, name: &str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// The value of the only field called `name`; `None` if there is none or more than one.
    pub fn only(self, name: &str) -> Option<&'a [u8]> {
        let mut values = self.all(name);
        let first = values.next();
        if values.next().is_some() { None } else { first }
    }

    /// The elements of the comma-separated lists in all fields called `name` (RFC 9110 5.6.1).
    pub fn elements(self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.all(name).flat_map(elements)
    }
}

/// The non-empty elements of one comma-separated list, without surrounding white space.
pub(super) fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|&byte| byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: Fields<'_> = Fields {
        lines: b"Host: a:1\r\nX-List:  one , two,\t\r\nEmpty:\r\nx-list:three\r\n",
    };

    #[test]
    fn values_are_found_in_any_case_and_trimmed() {
        assert_eq!(FIELDS.get("host"), Some(&b"a:1"[..]));
        assert_eq!(FIELDS.get("EMPTY"), Some(&b""[..]));
        assert_eq!(FIELDS.get("hos"), None);
        assert_eq!(FIELDS.iter().count(), 4);
    }

    #[test]
    fn repeated_fields_are_seen_as_such() {
        assert_eq!(FIELDS.only("x-list"), None);
        assert_eq!(FIELDS.only("host"), Some(&b"a:1"[..]));
        assert!(FIELDS.elements("x-list").eq([&b"one"[..], b"two", b"three"]));
    }
}
