//! One client: a connection that sends messages and receives what the server has to say.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use ringim::proto::backlog::Backlog;
use ringim::proto::ws::{self, Decoder, Message, Opcode, Progress, Role};

use super::{response, source};
use crate::error::Result;

/// Frames above it are refused, far above what a server of the contract sends.
const FRAME_BYTES: u32 = 4 << 20;

/// How a client talks to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// `im.v1.json` on `/ws`.
    WebSocket,
    /// Requests on one keep-alive connection.
    Http,
}

/// What a connection speaks.
enum Protocol {
    /// The answer to the handshake is awaited.
    Upgrading,
    WebSocket(Decoder),
    /// The fields of every request that do not change.
    Http(Box<str>),
}

/// A connection with the token of a user or an API key. It never blocks.
pub struct Client {
    pub socket: TcpStream,
    protocol: Protocol,
    backlog: Backlog,
    out: Vec<u8>,
    written: usize,
}

/// How far a flush came.
#[derive(Debug, PartialEq, Eq)]
pub enum Flushed {
    Everything,
    /// The socket takes no more at present.
    Part,
}

impl Client {
    /// Begins to connect; the handshake of a WebSocket waits to be written. `number` spreads clients over source
    /// addresses.
    pub fn open(address: SocketAddr, number: u32, transport: Transport, token: &str) -> io::Result<Self> {
        let fields = format!("Host: {address}\r\nAuthorization: Bearer {token}\r\n");
        let (protocol, out) = match transport {
            Transport::WebSocket => (Protocol::Upgrading, upgrade_request(&fields)),
            Transport::Http => (Protocol::Http(fields.into()), Vec::new()),
        };
        Ok(Self {
            socket: source::connect(address, number)?,
            protocol,
            backlog: Backlog::default(),
            out,
            written: 0,
        })
    }

    /// Adds a message to what the next flush writes.
    pub fn send(&mut self, text: &[u8], mask: u32) {
        match &self.protocol {
            Protocol::Upgrading | Protocol::WebSocket(_) => {
                ws::encode(Opcode::Text, text, Some(mask.to_ne_bytes()), &mut self.out)
            }
            Protocol::Http(fields) => {
                let head = format!(
                    "POST /api/message/send HTTP/1.1\r\n{fields}Content-Type: application/json\r\n\
                     Content-Length: {}\r\n\r\n",
                    text.len()
                );
                self.out.extend_from_slice(head.as_bytes());
                self.out.extend_from_slice(text);
            }
        }
    }

    /// Adds a request for `path` to what the next flush writes; only on a connection of requests.
    pub fn get(&mut self, path: &str) {
        if let Protocol::Http(fields) = &self.protocol {
            self.out
                .extend_from_slice(format!("GET {path} HTTP/1.1\r\n{fields}\r\n").as_bytes());
        }
    }

    /// Whether something waits to be written.
    pub fn has_output(&self) -> bool {
        self.written < self.out.len()
    }

    /// Writes what waits, in one call where the socket takes it.
    pub fn flush(&mut self) -> io::Result<Flushed> {
        while self.has_output() {
            match self.socket.write(&self.out[self.written..]) {
                Ok(length) => self.written += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Flushed::Part),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.out.clear();
        self.written = 0;
        Ok(Flushed::Everything)
    }

    /// Reads once and hands over every complete text: frames, or the bodies of responses.
    ///
    /// # Errors
    /// The connection is over: closed by the server, failed, or what came broke the protocol.
    pub fn receive(&mut self, buffer: &mut [u8], on_text: impl FnMut(&[u8])) -> Result<()> {
        match self.socket.read(buffer) {
            Ok(0) => Err("the server closed the connection".into()),
            Ok(length) => self.decode(&mut buffer[..length], on_text),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn decode(&mut self, received: &mut [u8], on_text: impl FnMut(&[u8])) -> Result<()> {
        let (protocol, out) = (&mut self.protocol, &mut self.out);
        self.backlog
            .consume(received, |input| match protocol.decode(input, out, on_text) {
                Ok(consumed) => (consumed..input.len(), Ok(())),
                Err(error) => (0..0, Err(error)),
            })
    }
}

impl Protocol {
    /// Takes what is complete from `input` and tells how many bytes that were. A ping is answered into `out`.
    fn decode(&mut self, input: &mut [u8], out: &mut Vec<u8>, on_text: impl FnMut(&[u8])) -> Result<usize> {
        let mut consumed = 0;
        if let Protocol::Upgrading = self {
            consumed = response::upgraded(input)?;
            if consumed == 0 {
                return Ok(0);
            }
            *self = Protocol::WebSocket(Decoder::new(Role::Client, FRAME_BYTES));
        }
        match self {
            Protocol::WebSocket(decoder) => {
                Ok(consumed + decode_frames(decoder, &mut input[consumed..], out, on_text)?)
            }
            Protocol::Upgrading | Protocol::Http(_) => response::decode_all(input, on_text),
        }
    }
}

fn upgrade_request(fields: &str) -> Vec<u8> {
    format!(
        "GET /ws HTTP/1.1\r\n{fields}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .into_bytes()
}

/// Takes complete messages from `input` and tells how many bytes they took.
fn decode_frames(
    decoder: &mut Decoder,
    input: &mut [u8],
    out: &mut Vec<u8>,
    mut on_text: impl FnMut(&[u8]),
) -> Result<usize> {
    let mut start = 0;
    loop {
        match decoder.advance(&mut input[start..])? {
            Progress::Message { message, consumed } => {
                start += consumed;
                match message {
                    Message::Text(text) => on_text(&text),
                    Message::Ping(payload) => ws::encode(Opcode::Pong, payload, Some([0; 4]), out),
                    Message::Close(reason) => return Err(format!("closed by the server: {reason:?}").into()),
                    Message::Binary(_) | Message::Pong(_) => {}
                }
            }
            Progress::Incomplete { consumed } => return Ok(start + consumed),
        }
    }
}
