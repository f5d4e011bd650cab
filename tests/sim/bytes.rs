//! The client's side of HTTP/1.1 and RFC 6455, small and independent of the server's codecs.

use serde_json::Value;

/// A request with a JSON body, or without one.
pub fn request(method: &str, target: &str, token: Option<&str>, body: Option<&Value>) -> Vec<u8> {
    let mut text = format!("{method} {target} HTTP/1.1\r\nHost: ringim\r\n");
    if let Some(token) = token {
        text.push_str(&format!("Authorization: Bearer {token}\r\n"));
    }
    let body = body.map(Value::to_string).unwrap_or_default();
    if !body.is_empty() {
        text.push_str("Content-Type: application/json\r\n");
    }
    if method == "POST" {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    format!("{text}\r\n{body}").into_bytes()
}

/// How a WebSocket says whose it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenPlace {
    Header,
    Protocol,
    Query,
    FirstFrame,
}

/// The opening handshake, with the first frame behind it if the token goes there.
pub fn upgrade(token: &str, place: TokenPlace) -> Vec<u8> {
    let target = if place == TokenPlace::Query {
        format!("/ws?token={token}")
    } else {
        "/ws".to_owned()
    };
    let mut text = format!("GET {target} HTTP/1.1\r\nHost: ringim\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n");
    text.push_str("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
    match place {
        TokenPlace::Header => text.push_str(&format!("Authorization: Bearer {token}\r\n")),
        TokenPlace::Protocol => text.push_str(&format!("Sec-WebSocket-Protocol: im.v1.json, bearer.{token}\r\n")),
        TokenPlace::Query | TokenPlace::FirstFrame => {}
    }
    let mut bytes = format!("{text}\r\n").into_bytes();
    if place == TokenPlace::FirstFrame {
        let auth = serde_json::json!({"type": "auth", "data": {"token": token}});
        bytes.extend(frame(TEXT, auth.to_string().as_bytes()));
    }
    bytes
}

pub const TEXT: u8 = 1;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

/// One masked frame.
pub fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x1b, 0x2c, 0x3d, 0x4e];
    let mut bytes = vec![0x80 | opcode];
    match payload.len() {
        length @ 0..126 => bytes.push(0x80 | length as u8),
        length @ 126..65536 => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// What a client reads.
pub enum Heard {
    /// A response: its status and its JSON, null when it is none.
    Response(u16, Value),
    /// A text frame's JSON.
    Frame(Value),
    /// A ping, to be answered with the same payload.
    Ping(Vec<u8>),
    /// A close frame's code.
    Close(u16),
}

impl std::fmt::Display for Heard {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Response(status, body) => write!(formatter, "{status} {body}"),
            Self::Frame(frame) => write!(formatter, "{frame}"),
            Self::Ping(_) => write!(formatter, "a ping"),
            Self::Close(code) => write!(formatter, "close {code}"),
        }
    }
}

/// Received bytes on their way to what they say.
#[derive(Default)]
pub struct Ear {
    bytes: Vec<u8>,
    upgraded: bool,
}

impl Ear {
    pub fn receive(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next complete response or frame. Fails on what no server of ours may send.
    pub fn hear(&mut self) -> Result<Option<Heard>, String> {
        let heard = if self.upgraded { self.frame()? } else { self.response()? };
        let Some((heard, used)) = heard else { return Ok(None) };
        self.bytes.drain(..used);
        self.upgraded |= matches!(heard, Heard::Response(101, _));
        Ok(Some(heard))
    }

    fn response(&self) -> Result<Option<(Heard, usize)>, String> {
        let Some(end) = self.bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(None);
        };
        let head = std::str::from_utf8(&self.bytes[..end]).map_err(|_| "a response's head is not UTF-8")?;
        let status = head
            .get(9..12)
            .and_then(|digits| digits.parse().ok())
            .ok_or("a response has no status")?;
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse().ok())?
        });
        let (body, end) = (end + 4, end + 4 + length.unwrap_or(0));
        if self.bytes.len() < end {
            return Ok(None);
        }
        let json = serde_json::from_slice(&self.bytes[body..end]).unwrap_or(Value::Null);
        Ok(Some((Heard::Response(status, json), end)))
    }

    fn frame(&self) -> Result<Option<(Heard, usize)>, String> {
        let [first, second, rest @ ..] = self.bytes.as_slice() else {
            return Ok(None);
        };
        if first & 0xf0 != 0x80 || second & 0x80 != 0 {
            return Err(format!("a frame begins with {first:#x} {second:#x}"));
        }
        let (width, length) = match (second, rest) {
            (126, [high, low, ..]) => (2, usize::from(u16::from_be_bytes([*high, *low]))),
            (127, [a, b, c, d, e, f, g, h, ..]) => (8, u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]) as usize),
            (126 | 127, _) => return Ok(None),
            (length, _) => (0, usize::from(*length)),
        };
        let (body, end) = (2 + width, 2 + width + length);
        let Some(payload) = self.bytes.get(body..end) else {
            return Ok(None);
        };
        Ok(Some((heard(first & 0x0f, payload)?, end)))
    }
}

fn heard(opcode: u8, payload: &[u8]) -> Result<Heard, String> {
    match opcode {
        TEXT => Ok(Heard::Frame(
            serde_json::from_slice(payload).map_err(|error| format!("a frame is not JSON: {error}"))?,
        )),
        PING => Ok(Heard::Ping(payload.to_vec())),
        CLOSE => Ok(Heard::Close(
            payload
                .get(..2)
                .map_or(1005, |code| u16::from_be_bytes([code[0], code[1]])),
        )),
        _ => Err(format!("a frame has the opcode {opcode}")),
    }
}
