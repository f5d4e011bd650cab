//! How devices ask: by frame or by HTTP, with what must be remembered to judge the answer.

use ringim::base::connection::ConnectionId;
use serde_json::{Value, json};

use crate::bytes::{self, Ear, TEXT};
use crate::client::{Asked, Request, Rest};
use crate::world::World;

impl World {
    fn asked(&self, client: usize, what: Request) -> Asked {
        Asked {
            what,
            at: self.ledger.head,
            read: self.read_by(client),
        }
    }

    /// Asks over the WebSocket; `false` when it is not open.
    pub fn ask_live(&mut self, client: usize, what: Request, kind: &str, data: Value) -> bool {
        let asked = self.asked(client, what);
        let request = self.clients[client].next_request();
        let Some(live) = self.clients[client].live.as_mut().filter(|live| live.watch.is_some()) else {
            return false;
        };
        let frame = json!({"type": kind, "reqId": request, "data": data}).to_string();
        live.asked.insert(request, asked);
        let socket = live.socket;
        self.tell(|| format!("device {client} on {socket} asks {}", shortened(&frame)));
        self.transmit(socket, bytes::frame(TEXT, frame.as_bytes()));
        true
    }

    /// Asks by HTTP; `false` when an answer is awaited already.
    pub fn ask_rest(&mut self, client: usize, what: Request, path: &str, body: Value) -> bool {
        if self.clients[client]
            .rest
            .as_ref()
            .is_some_and(|rest| rest.asked.is_some())
        {
            return false;
        }
        if self.clients[client].rest.is_none() {
            let Some(socket) = self.connect(client) else {
                return false;
            };
            self.clients[client].rest = Some(Rest {
                socket,
                ear: Ear::default(),
                asked: None,
            });
        }
        let asked = self.asked(client, what);
        let device = &mut self.clients[client];
        let request = bytes::request("POST", path, device.token.as_deref(), Some(&body));
        let Some(rest) = device.rest.as_mut() else { return false };
        rest.asked = Some(asked);
        let socket = rest.socket;
        self.tell(|| {
            format!(
                "device {client} on {socket} posts {path} {}",
                shortened(&body.to_string())
            )
        });
        self.transmit(socket, request);
        true
    }

    /// Puts bytes on their way to the server.
    pub fn transmit(&mut self, socket: ConnectionId, bytes: Vec<u8>) {
        if let Some(socket) = self.sockets.get_mut(&socket) {
            socket.to_server.extend(bytes);
        }
    }
}

/// The beginning of a text, for the story.
pub fn shortened(text: &str) -> String {
    text.chars().take(300).collect()
}
