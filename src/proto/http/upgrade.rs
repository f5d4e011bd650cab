//! The opening handshake of a WebSocket (RFC 6455 4.2), without extensions.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::response::{write_field, write_status_line};
use super::{Fields, Method, Request, Version};

/// Appended to the client's key before hashing (RFC 6455 1.3).
const KEY_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The rule of RFC 6455 4.2.1 that a handshake broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum UpgradeFault {
    /// The method is not GET (item 1).
    #[error("open a WebSocket with GET")]
    NotGet,
    /// The version is not HTTP/1.1 (item 1).
    #[error("open a WebSocket with HTTP/1.1")]
    NotHttp11,
    /// `Upgrade` does not name `websocket` (item 3): an ordinary request.
    #[error("this resource is a WebSocket: send Upgrade: websocket")]
    NotWebSocket,
    /// `Connection` does not name `Upgrade` (item 4).
    #[error("send Connection: Upgrade")]
    MissingConnectionUpgrade,
    /// `Sec-WebSocket-Version` is not 13 (item 6).
    #[error("send Sec-WebSocket-Version: 13")]
    UnsupportedVersion,
    /// `Sec-WebSocket-Key` is not one base64 value of 16 bytes (item 5).
    #[error("Sec-WebSocket-Key must be 16 bytes in base64")]
    InvalidKey,
}

impl UpgradeFault {
    /// The status code of the refusal.
    pub fn status(self) -> u16 {
        match self {
            UpgradeFault::NotGet => 405,
            UpgradeFault::NotWebSocket | UpgradeFault::UnsupportedVersion => 426,
            UpgradeFault::NotHttp11 | UpgradeFault::MissingConnectionUpgrade | UpgradeFault::InvalidKey => 400,
        }
    }

    /// The fields that tell the client how to do better (RFC 9110 7.8, 15.5.6; RFC 6455 4.2.2).
    pub fn fields(self) -> &'static [(&'static str, &'static str)] {
        match self.status() {
            405 => &[("Allow", "GET")],
            426 => &[("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")],
            _ => &[],
        }
    }
}

/// The proof that the server read the handshake: `Sec-WebSocket-Accept`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptKey([u8; 28]);

impl AcceptKey {
    fn from_key(key: &[u8]) -> Self {
        let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
        context.update(key);
        context.update(KEY_SUFFIX);
        let mut encoded = [0; 28];
        STANDARD
            .encode_slice(context.finish(), &mut encoded)
            .expect("20 bytes are 28 characters in base64");
        Self(encoded)
    }
}

/// Checks an opening handshake.
///
/// # Errors
/// The first rule of RFC 6455 4.2.1 that the request breaks.
pub fn check(request: &Request<'_>) -> Result<AcceptKey, UpgradeFault> {
    if request.method != Method::Get {
        return Err(UpgradeFault::NotGet);
    }
    if request.version != Version::Http11 {
        return Err(UpgradeFault::NotHttp11);
    }
    if !names(request.fields, "upgrade", b"websocket") {
        return Err(UpgradeFault::NotWebSocket);
    }
    if !names(request.fields, "connection", b"upgrade") {
        return Err(UpgradeFault::MissingConnectionUpgrade);
    }
    if request.fields.only("sec-websocket-version") != Some(b"13") {
        return Err(UpgradeFault::UnsupportedVersion);
    }
    let key = request
        .fields
        .only("sec-websocket-key")
        .ok_or(UpgradeFault::InvalidKey)?;
    match STANDARD.decode(key) {
        Ok(nonce) if nonce.len() == 16 => Ok(AcceptKey::from_key(key)),
        _ => Err(UpgradeFault::InvalidKey),
    }
}

/// Appends the `101 Switching Protocols` response, with the one of the client's subprotocols that was chosen.
pub fn write_accepted(accept: AcceptKey, protocol: Option<&str>, out: &mut Vec<u8>) {
    write_status_line(101, out);
    write_field("Upgrade", b"websocket", out);
    write_field("Connection", b"Upgrade", out);
    write_field("Sec-WebSocket-Accept", &accept.0, out);
    if let Some(protocol) = protocol {
        write_field("Sec-WebSocket-Protocol", protocol.as_bytes(), out);
    }
    out.extend_from_slice(b"\r\n");
}

fn names(fields: Fields<'_>, name: &str, token: &[u8]) -> bool {
    fields.elements(name).any(|element| element.eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::super::{Limits, Progress, RequestParser};
    use super::*;

    /// The handshake of RFC 6455 1.3.
    const HANDSHAKE: &str = "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
                             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

    fn check_bytes(request: &str) -> Result<AcceptKey, UpgradeFault> {
        let mut input = request.as_bytes().to_vec();
        match RequestParser::default().advance(&mut input, &Limits::default()) {
            Ok(Progress::Complete(request)) => check(&request),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_example_of_the_specification_is_accepted() {
        let accept = check_bytes(HANDSHAKE).unwrap();
        let mut out = Vec::new();
        write_accepted(accept, Some("im.v1.json"), &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: im.v1.json\r\n\r\n"
        );
    }

    #[test]
    fn each_rule_has_its_fault() {
        let cases = [
            ("GET /", "POST /", UpgradeFault::NotGet),
            ("HTTP/1.1", "HTTP/1.0", UpgradeFault::NotHttp11),
            ("Upgrade: websocket", "Upgrade: h2c", UpgradeFault::NotWebSocket),
            ("Upgrade: websocket", "A: b", UpgradeFault::NotWebSocket),
            (
                "keep-alive, Upgrade",
                "keep-alive",
                UpgradeFault::MissingConnectionUpgrade,
            ),
            ("Version: 13", "Version: 8", UpgradeFault::UnsupportedVersion),
            (
                "Version: 13",
                "Version: 13\r\nSec-WebSocket-Version: 8",
                UpgradeFault::UnsupportedVersion,
            ),
            ("Sec-WebSocket-Key", "A", UpgradeFault::InvalidKey),
            (
                "dGhlIHNhbXBsZSBub25jZQ==",
                "dGhlIHNhbXBsZSBub25j",
                UpgradeFault::InvalidKey,
            ),
            (
                "dGhlIHNhbXBsZSBub25jZQ==",
                "dGhlIHNhbXBsZSBub25jZQ",
                UpgradeFault::InvalidKey,
            ),
            ("dGhlIHNhbXBsZSBub25jZQ==", "****", UpgradeFault::InvalidKey),
        ];
        for (valid, broken, fault) in cases {
            assert_eq!(check_bytes(&HANDSHAKE.replace(valid, broken)), Err(fault), "{broken}");
        }
    }

    #[test]
    fn names_are_compared_in_any_case() {
        let handshake = HANDSHAKE
            .replace("websocket\r\n", "WebSocket\r\n")
            .replace("Upgrade\r\n", "uPGRADE\r\n");
        assert!(check_bytes(&handshake).is_ok());
    }
}
