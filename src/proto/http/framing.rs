//! What the fields of a request say about its body and its connection (RFC 9112 3.2, 6, 9.3).

use super::fields::elements;
use super::head::Version;
use super::{Fault, Limits};

/// How the body of a request is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes; 0 if nothing is said.
    Sized(usize),
    /// Chunks.
    Chunked,
}

/// The fields with a meaning to the codec, gathered one by one.
#[derive(Debug, Default)]
pub(super) struct FramingFields {
    host: bool,
    content_length: Option<u64>,
    chunked: bool,
    encoded: bool,
    expects_continue: bool,
    expects_other: bool,
    close: bool,
    keep_alive: bool,
}

/// The verdict over all fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Where the body ends.
    pub(super) framing: Framing,
    /// Whether the client keeps the connection for further requests.
    pub(super) keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub(super) expects_continue: bool,
}

impl FramingFields {
    /// Takes in one field.
    ///
    /// # Errors
    /// The fault of a field that is repeated or malformed.
    pub(super) fn add(&mut self, name: &str, value: &[u8]) -> Result<(), Fault> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("host") {
            self.add_host(value)?;
        } else if is("content-length") {
            self.add_content_length(value)?;
        } else if is("transfer-encoding") {
            self.add_transfer_encoding(value)?;
        } else if is("connection") {
            self.close |= elements(value).any(|option| option.eq_ignore_ascii_case(b"close"));
            self.keep_alive |= elements(value).any(|option| option.eq_ignore_ascii_case(b"keep-alive"));
        } else if is("content-encoding") {
            self.encoded |= elements(value).any(|coding| !coding.eq_ignore_ascii_case(b"identity"));
        } else if is("expect") {
            let known = value.eq_ignore_ascii_case(b"100-continue");
            self.expects_continue |= known;
            self.expects_other |= !known;
        }
        Ok(())
    }

    /// Settles framing and connection once every field was added.
    ///
    /// # Errors
    /// Doubts about the framing first, then what is understood and not supported.
    pub(super) fn verdict(self, version: Version, limits: &Limits) -> Result<Verdict, Fault> {
        if !self.host && version == Version::Http11 {
            return Err(Fault::MissingHost);
        }
        if self.chunked && self.content_length.is_some() {
            return Err(Fault::ContentLengthWithTransferEncoding);
        }
        if self.chunked && version == Version::Http10 {
            return Err(Fault::UnsupportedTransferEncoding);
        }
        if self.expects_other {
            return Err(Fault::UnsupportedExpectation);
        }
        if self.encoded {
            return Err(Fault::UnsupportedContentEncoding);
        }
        Ok(Verdict {
            framing: self.framing(limits)?,
            keep_alive: !self.close && (version == Version::Http11 || self.keep_alive),
            expects_continue: self.expects_continue && version == Version::Http11,
        })
    }

    fn framing(&self, limits: &Limits) -> Result<Framing, Fault> {
        if self.chunked {
            return Ok(Framing::Chunked);
        }
        match usize::try_from(self.content_length.unwrap_or(0)) {
            Ok(length) if length <= limits.body_bytes => Ok(Framing::Sized(length)),
            _ => Err(Fault::BodyTooLarge),
        }
    }

    fn add_host(&mut self, value: &[u8]) -> Result<(), Fault> {
        if std::mem::replace(&mut self.host, true) {
            return Err(Fault::RepeatedHost);
        }
        // The characters of a reg-name, an IP literal and a port (RFC 3986 3.2.2); empty is allowed (RFC 9110 7.2).
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(byte);
        if value.iter().all(allowed) {
            Ok(())
        } else {
            Err(Fault::InvalidHost)
        }
    }

    fn add_content_length(&mut self, value: &[u8]) -> Result<(), Fault> {
        if self.content_length.is_some() {
            return Err(Fault::RepeatedContentLength);
        }
        self.content_length = Some(decimal(value).ok_or(Fault::MalformedContentLength)?);
        Ok(())
    }

    fn add_transfer_encoding(&mut self, value: &[u8]) -> Result<(), Fault> {
        if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
            return Err(Fault::UnsupportedTransferEncoding);
        }
        self.chunked = true;
        Ok(())
    }
}

/// `1*DIGIT` within 64 bits; nothing that `str::parse` would accept beyond that.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, byte| match byte {
        b'0'..=b'9' => value.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(version: Version, fields: &[(&str, &str)]) -> Result<Verdict, Fault> {
        let mut framing = FramingFields::default();
        for (name, value) in fields {
            framing.add(name, value.as_bytes())?;
        }
        framing.verdict(version, &Limits::default())
    }

    fn keep_alive(version: Version, connection: &str) -> bool {
        verdict(version, &[("Host", ""), ("Connection", connection)])
            .unwrap()
            .keep_alive
    }

    #[test]
    fn the_connection_is_kept_by_default_in_1_1_only() {
        assert!(keep_alive(Version::Http11, ""));
        assert!(keep_alive(Version::Http11, "keep-alive, Upgrade"));
        assert!(!keep_alive(Version::Http11, "Upgrade , CLOSE"));
        assert!(!keep_alive(Version::Http11, "keep-alive, close"));
        assert!(!keep_alive(Version::Http10, ""));
        assert!(keep_alive(Version::Http10, "Keep-Alive"));
    }

    #[test]
    fn only_1_1_clients_wait_for_100_continue() {
        let fields = [("Host", "a"), ("Expect", "100-Continue")];
        assert!(verdict(Version::Http11, &fields).unwrap().expects_continue);
        assert!(!verdict(Version::Http10, &fields).unwrap().expects_continue);
    }

    #[test]
    fn lengths_are_digits_within_64_bits() {
        assert_eq!(decimal(b"0"), Some(0));
        assert_eq!(decimal(b"0042"), Some(42));
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        for malformed in [
            "",
            "+1",
            "-1",
            " 1",
            "1 ",
            "1,1",
            "0x1",
            "1_0",
            "1.0",
            "18446744073709551616",
            "\u{0661}",
        ] {
            assert_eq!(decimal(malformed.as_bytes()), None, "{malformed:?}");
        }
    }

    #[test]
    fn a_doubtful_framing_outranks_what_is_not_supported() {
        let fields = [
            ("Host", ""),
            ("Expect", "x"),
            ("Content-Length", "9999999999"),
            ("Transfer-Encoding", "chunked"),
        ];
        assert_eq!(
            verdict(Version::Http11, &fields),
            Err(Fault::ContentLengthWithTransferEncoding)
        );
    }
}
