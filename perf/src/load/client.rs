//! One client: a connection that sends messages and receives what the server has to say.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::time::Duration;

use ringim::proto::backlog::Backlog;
use ringim::proto::ws::{self, Decoder, Message, Opcode, Progress, Role};

use super::response;
use super::wire::Incoming;
use crate::error::Result;

/// Frames above it are refused, far above what a server of the contract sends.
const FRAME_BYTES: u32 = 4 << 20;

/// How long a handshake may take, on a machine that is busy with thousands of others.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// Clients of a worker that shake hands at once.
const HANDSHAKES: usize = 64;

/// How a client talks to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// `im.v1.json` on `/ws`.
    WebSocket,
    /// `POST /api/message/send`, one keep-alive connection.
    Http,
}

/// What a connection speaks once it is open.
enum Protocol {
    WebSocket(Decoder),
    /// The head of every request, up to the value of `Content-Length`.
    Http(Vec<u8>),
}

/// An authenticated connection.
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

/// Opens a connection for each token, of the kind that `transport` says for its number.
pub fn connect_all(
    address: SocketAddr,
    tokens: &[String],
    transport: impl Fn(usize) -> Transport,
) -> Result<Vec<Client>> {
    let mut clients: Vec<Client> = Vec::with_capacity(tokens.len());
    let mut buffer = vec![0; 16 * 1024];
    for tokens in tokens.chunks(HANDSHAKES) {
        let first = clients.len();
        for token in tokens {
            let client = match transport(clients.len()) {
                Transport::WebSocket => Client::open_websocket(address, token)?,
                Transport::Http => Client::open_http(address, token)?,
            };
            clients.push(client);
        }
        for client in &mut clients[first..] {
            client.finish_opening(&mut buffer)?;
        }
    }
    Ok(clients)
}

impl Client {
    fn open(address: SocketAddr, protocol: Protocol) -> Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(HANDSHAKE_TIMEOUT))?;
        Ok(Self {
            socket,
            protocol,
            backlog: Backlog::default(),
            out: Vec::new(),
            written: 0,
        })
    }

    /// Connects and sends the handshake.
    fn open_websocket(address: SocketAddr, token: &str) -> Result<Self> {
        let mut client = Self::open(address, Protocol::WebSocket(Decoder::new(Role::Client, FRAME_BYTES)))?;
        write!(
            client.socket,
            "GET /ws HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )?;
        Ok(client)
    }

    fn open_http(address: SocketAddr, token: &str) -> Result<Self> {
        let head = format!(
            "POST /api/message/send HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: "
        );
        Self::open(address, Protocol::Http(head.into_bytes()))
    }

    /// Waits for the answer to a handshake and the `hello`; from then on the socket does not block.
    fn finish_opening(&mut self, buffer: &mut [u8]) -> Result<()> {
        if matches!(self.protocol, Protocol::WebSocket(_)) {
            let mut received = self.await_upgrade(buffer)?;
            let mut greeted = false;
            loop {
                self.decode(&mut received, |frame| {
                    greeted |= Incoming::read(frame) == Incoming::Hello
                })?;
                if greeted {
                    break;
                }
                received = self.read_some(buffer)?;
            }
        }
        Ok(self.socket.set_nonblocking(true)?)
    }

    /// Waits for the answer to a handshake and returns what came behind it.
    fn await_upgrade(&mut self, buffer: &mut [u8]) -> Result<Vec<u8>> {
        let mut head = Vec::new();
        loop {
            head.append(&mut self.read_some(buffer)?);
            if let Some(end) = memchr::memmem::find(&head, b"\r\n\r\n") {
                let frames = head.split_off(end + 4);
                return match head.starts_with(b"HTTP/1.1 101 ") {
                    true => Ok(frames),
                    false => Err(format!("no WebSocket: {}", String::from_utf8_lossy(&head)).into()),
                };
            }
        }
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> Result<Vec<u8>> {
        match self.socket.read(buffer)? {
            0 => Err("the server closed during the handshake".into()),
            length => Ok(buffer[..length].to_vec()),
        }
    }

    /// Adds a message to what the next flush writes.
    pub fn send(&mut self, text: &[u8], mask: u32) {
        match &self.protocol {
            Protocol::WebSocket(_) => ws::encode(Opcode::Text, text, Some(mask.to_ne_bytes()), &mut self.out),
            Protocol::Http(head) => {
                self.out.extend_from_slice(head);
                self.out.extend_from_slice(format!("{}\r\n\r\n", text.len()).as_bytes());
                self.out.extend_from_slice(text);
            }
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
        self.backlog.consume(received, |input| match protocol {
            Protocol::WebSocket(decoder) => decode_frames(decoder, input, out, on_text),
            Protocol::Http(_) => match response::decode_all(input, on_text) {
                Ok(consumed) => (consumed..input.len(), Ok(())),
                Err(error) => (0..0, Err(error)),
            },
        })
    }
}

/// Takes complete messages from `input` and returns the range that is left. A ping is answered into `out`.
fn decode_frames(
    decoder: &mut Decoder,
    input: &mut [u8],
    out: &mut Vec<u8>,
    mut on_text: impl FnMut(&[u8]),
) -> (Range<usize>, Result<()>) {
    let mut start = 0;
    let result = loop {
        match decoder.advance(&mut input[start..]) {
            Ok(Progress::Message { message, consumed }) => {
                start += consumed;
                match message {
                    Message::Text(text) => on_text(&text),
                    Message::Ping(payload) => ws::encode(Opcode::Pong, payload, Some([0; 4]), out),
                    Message::Close(reason) => break Err(format!("closed by the server: {reason:?}").into()),
                    Message::Binary(_) | Message::Pong(_) => {}
                }
            }
            Ok(Progress::Incomplete { consumed }) => {
                start += consumed;
                break Ok(());
            }
            Err(fault) => break Err(fault.into()),
        }
    };
    (start..input.len(), result)
}
