//! A WebSocket client in a world.

use ringim::base::connection::ConnectionId;
use ringim::proto::ws::{self, CloseReason, Decoder, Opcode, Progress, Role};
use serde_json::{Value, json};

use crate::world::World;

/// An open WebSocket.
pub struct Socket {
    pub id: ConnectionId,
    decoder: Decoder,
    rest: Vec<u8>,
    /// The code of the server's close frame.
    pub closed: Option<u16>,
    pub pings: usize,
}

const HANDSHAKE: &str = "GET /ws HTTP/1.1\r\nHost: im\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// One masked text frame.
pub fn text_frame(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    ws::encode(Opcode::Text, text.as_bytes(), Some([1, 2, 3, 4]), &mut out);
    out
}

impl Socket {
    /// Opens a WebSocket with further fields; the head of the answer comes back as well.
    pub fn open(world: &mut World, shard: u16, fields: &str) -> (Self, String) {
        let id = world.connect(shard);
        world.send(id, format!("{HANDSHAKE}{fields}\r\n").as_bytes());
        let bytes = world.take(id);
        let end = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .expect("a head")
            + 4;
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let decoder = Decoder::new(Role::Client, 1 << 24);
        let rest = bytes[end..].to_vec();
        let socket = Self {
            id,
            decoder,
            rest,
            closed: None,
            pings: 0,
        };
        (socket, head)
    }

    /// Opens a session of a user and reads its `hello`.
    pub fn attach(world: &mut World, shard: u16, token: &str) -> Self {
        let (mut socket, _) = Self::open(world, shard, &format!("Authorization: Bearer {token}\r\n"));
        let frames = socket.frames(world);
        assert_eq!(frames[0]["type"], "hello", "{frames:?}");
        socket
    }

    /// Sends a request.
    pub fn send(&mut self, world: &mut World, kind: &str, request: u64, data: Value) {
        let frame = json!({"type": kind, "reqId": request, "data": data});
        world.send(self.id, &text_frame(&frame.to_string()));
    }

    /// Everything received since the last call, as JSON.
    pub fn frames(&mut self, world: &mut World) -> Vec<Value> {
        self.rest.extend(world.take(self.id));
        let mut frames = Vec::new();
        let mut start = 0;
        loop {
            match self.decoder.advance(&mut self.rest[start..]).unwrap() {
                Progress::Message { message, consumed } => {
                    match message {
                        ws::Message::Text(text) => frames.push(serde_json::from_slice(&text).unwrap()),
                        ws::Message::Close(reason) => {
                            self.closed = Some(reason.map_or(1005, |CloseReason { code, .. }| code));
                        }
                        ws::Message::Ping(_) => self.pings += 1,
                        other => panic!("{other:?}"),
                    }
                    start += consumed;
                }
                Progress::Incomplete { consumed } => {
                    self.rest.drain(..start + consumed);
                    return frames;
                }
            }
        }
    }

    /// Sends a message and reads everything that came with the answer.
    pub fn say(&mut self, world: &mut World, to: &str, text: &str) -> Vec<Value> {
        let message = json!({"toId": to, "chatType": "single", "contentType": "text", "content": text});
        self.send(world, "message", 1, message);
        self.frames(world)
    }
}
