//! One WebSocket client.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use ringim::proto::backlog::Backlog;
use ringim::proto::ws::{self, Decoder, Message, Opcode, Progress, Role};

use super::wire::Incoming;
use crate::error::Result;

/// Frames above it are refused, far above what a server of the contract sends.
const FRAME_BYTES: u32 = 4 << 20;

/// How long a handshake may take, on a machine that is busy with thousands of others.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// Clients of a worker that shake hands at once.
const HANDSHAKES: usize = 64;

/// A connection that speaks `im.v1.json`.
pub struct Client {
    pub socket: TcpStream,
    decoder: Decoder,
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

/// Opens an authenticated session for each token.
pub fn connect_all(address: SocketAddr, tokens: &[String]) -> Result<Vec<Client>> {
    let mut clients = Vec::with_capacity(tokens.len());
    let mut buffer = vec![0; 16 * 1024];
    for tokens in tokens.chunks(HANDSHAKES) {
        let mut opening = Vec::with_capacity(tokens.len());
        for token in tokens {
            opening.push(Client::open(address, token)?);
        }
        for mut client in opening {
            client.await_hello(&mut buffer)?;
            clients.push(client);
        }
    }
    Ok(clients)
}

impl Client {
    /// Connects and sends the handshake.
    fn open(address: SocketAddr, token: &str) -> Result<Self> {
        let mut socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(HANDSHAKE_TIMEOUT))?;
        write!(
            socket,
            "GET /ws HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )?;
        Ok(Self {
            socket,
            decoder: Decoder::new(Role::Client, FRAME_BYTES),
            backlog: Backlog::default(),
            out: Vec::new(),
            written: 0,
        })
    }

    /// Waits for the answer to the handshake and the `hello`; from then on the socket does not block.
    fn await_hello(&mut self, buffer: &mut [u8]) -> Result<()> {
        let mut head = Vec::new();
        let frames = loop {
            let length = self.socket.read(buffer)?;
            if length == 0 {
                return Err("the server closed during the handshake".into());
            }
            head.extend_from_slice(&buffer[..length]);
            if let Some(end) = memchr::memmem::find(&head, b"\r\n\r\n") {
                break head.split_off(end + 4);
            }
        };
        if !head.starts_with(b"HTTP/1.1 101 ") {
            return Err(format!("no WebSocket: {}", String::from_utf8_lossy(&head)).into());
        }
        let mut greeted = false;
        let mut received = frames;
        loop {
            self.decode(&mut received, |frame| {
                greeted |= Incoming::read(frame) == Incoming::Hello
            })?;
            if greeted {
                self.socket.set_nonblocking(true)?;
                return Ok(());
            }
            let length = self.socket.read(buffer)?;
            if length == 0 {
                return Err("the server closed before its hello".into());
            }
            received = buffer[..length].to_vec();
        }
    }

    /// Adds a text frame to what the next flush writes.
    pub fn send(&mut self, text: &[u8], mask: u32) {
        ws::encode(Opcode::Text, text, Some(mask.to_ne_bytes()), &mut self.out);
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

    /// Reads once and hands over every complete text.
    ///
    /// # Errors
    /// The connection is over: closed by the server, failed, or a frame broke RFC 6455.
    pub fn receive(&mut self, buffer: &mut [u8], on_text: impl FnMut(&[u8])) -> Result<()> {
        match self.socket.read(buffer) {
            Ok(0) => Err("the server closed the connection".into()),
            Ok(length) => self.decode(&mut buffer[..length], on_text),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn decode(&mut self, received: &mut [u8], mut on_text: impl FnMut(&[u8])) -> Result<()> {
        let (decoder, out) = (&mut self.decoder, &mut self.out);
        self.backlog.consume(received, |input| {
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
        })
    }
}
