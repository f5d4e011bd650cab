//! The body of a close frame (RFC 6455 5.5.1, 7.4).

use super::Fault;

/// Why the peer closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloseReason<'a> {
    /// A code that may be sent: 1000-1003, 1007-1014 or 3000-4999.
    pub code: u16,
    /// Text for people, at most 123 bytes.
    pub reason: &'a str,
}

impl<'a> CloseReason<'a> {
    /// Reads the payload of a close frame; an empty one gives no reason.
    ///
    /// # Errors
    /// [`Fault::InvalidCloseCode`] and [`Fault::InvalidUtf8`].
    pub(super) fn read(payload: &'a [u8]) -> Result<Option<Self>, Fault> {
        if payload.is_empty() {
            return Ok(None);
        }
        let (code, reason) = payload.split_first_chunk().ok_or(Fault::InvalidCloseCode)?;
        let code = u16::from_be_bytes(*code);
        if !may_be_sent(code) {
            return Err(Fault::InvalidCloseCode);
        }
        let reason = std::str::from_utf8(reason).map_err(|_| Fault::InvalidUtf8)?;
        Ok(Some(Self { code, reason }))
    }
}

/// Registered codes, without those that stand for the absence of a close frame, and the ranges of libraries and
/// applications (RFC 6455 7.4.2).
fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_checked_as_registered() {
        for code in [
            1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4501, 4999_u16,
        ] {
            let expected = CloseReason { code, reason: "" };
            assert_eq!(CloseReason::read(&code.to_be_bytes()), Ok(Some(expected)));
        }
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, u16::MAX] {
            assert_eq!(
                CloseReason::read(&code.to_be_bytes()),
                Err(Fault::InvalidCloseCode),
                "{code}"
            );
        }
    }

    #[test]
    fn a_reason_is_text() {
        assert_eq!(CloseReason::read(b""), Ok(None));
        assert_eq!(CloseReason::read(b"\x03"), Err(Fault::InvalidCloseCode));
        assert_eq!(
            CloseReason::read(b"\x03\xe8bye"),
            Ok(Some(CloseReason {
                code: 1000,
                reason: "bye"
            }))
        );
        assert_eq!(CloseReason::read(b"\x03\xe8\xff"), Err(Fault::InvalidUtf8));
    }
}
