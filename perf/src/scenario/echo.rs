//! A WebSocket echo server on the real codec and the real connection code of the runtime, for the Autobahn suite
//! and for measuring the transport alone. Serves `/echo` until it is killed.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

use crossbeam_channel::Receiver;
use ringim::api::port::{Accepted, Input, Now, Output, Service};
use ringim::base::connection::ConnectionId;
use ringim::proto::backlog::Backlog;
use ringim::proto::http::{self, Limits, RequestParser, upgrade};
use ringim::proto::ws::{self, Decoder, Message, Opcode, Role};
use ringim::runtime::clock::Clock;
use ringim::runtime::cores::{self, ShardPlan};
use ringim::runtime::links::Links;
use ringim::runtime::mailbox::mailbox;
use ringim::runtime::metrics::Metrics;
use ringim::runtime::start::driver;
use ringim::runtime::{operations, passwords, readers};
use slab::Slab;

use crate::error::Result;
use crate::options::EchoServerOptions;

/// Bytes of the largest message: the suite sends 16 MiB.
const MESSAGE_BYTES: u32 = 32 << 20;

/// Serves until the process is killed.
pub fn serve(options: &EchoServerOptions) -> Result<Infallible> {
    let (address, ended) = start(options.listen)?;
    println!("ws://{address}/echo");
    let _ = ended.recv();
    Err("the shard has ended".into())
}

/// Starts one shard; the receiver is cut off when it has ended.
fn start(listen: SocketAddr) -> Result<(SocketAddr, Receiver<()>)> {
    let (mailbox, inbox) = mailbox();
    // An echo asks nobody: what it would put into these queues has no reader.
    let links = Links {
        writer: crossbeam_channel::bounded(1).0,
        readers: readers::queue().0,
        passwords: passwords::queue().0,
        operations: operations::queue().0,
        webhooks: ringim::runtime::outbound::link().0,
        mailboxes: Arc::new([mailbox]),
    };
    let (running, ended) = crossbeam_channel::bounded(0);
    let plan = ShardPlan {
        number: 0,
        processor: None,
        driver: driver::probe(),
        listen,
        connection_limit: u64::MAX,
        clock: Clock::start(),
        links,
        inbox,
        metrics: Arc::new(Metrics::new(1)),
        running,
    };
    Ok((cores::start(plan, Echo::default)?, ended))
}

/// The service: every connection sends back what it is sent.
#[derive(Default)]
struct Echo {
    connections: Slab<Connection>,
    generation: u32,
    outputs: VecDeque<Output>,
}

/// One connection, before and after the handshake.
struct Connection {
    id: ConnectionId,
    protocol: Protocol,
    backlog: Backlog,
    out: Vec<u8>,
    flushing: bool,
    closing: bool,
}

enum Protocol {
    Http(RequestParser),
    WebSocket(Decoder),
}

impl Service for Echo {
    fn accept(&mut self, _: Now, _: Accepted) -> Option<ConnectionId> {
        self.generation = self.generation.wrapping_add(1);
        let entry = self.connections.vacant_entry();
        let id = ConnectionId {
            shard: 0,
            generation: self.generation,
            slot: entry.key() as u32,
        };
        entry.insert(Connection::new(id));
        Some(id)
    }

    fn handle(&mut self, _: Now, input: Input<'_>) {
        match input {
            Input::Received { connection, bytes } => self.with(connection, |connection| connection.receive(bytes)),
            Input::Flushed(id) => self.with(id, |connection| connection.flushing = false),
            Input::Closed(id) => {
                self.connections.try_remove(id.slot as usize);
            }
            _ => {}
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn next_deadline(&self) -> Option<u64> {
        None
    }
}

impl Echo {
    fn with(&mut self, id: ConnectionId, change: impl FnOnce(&mut Connection)) {
        if let Some(connection) = self.connections.get_mut(id.slot as usize) {
            change(connection);
            self.outputs.extend(connection.flush());
        }
    }
}

impl Connection {
    fn new(id: ConnectionId) -> Self {
        let protocol = Protocol::Http(RequestParser::default());
        Self {
            id,
            protocol,
            backlog: Backlog::default(),
            out: Vec::new(),
            flushing: false,
            closing: false,
        }
    }

    /// The next write, if there is something to write and none is under way.
    fn flush(&mut self) -> Option<Output> {
        if self.flushing || self.out.is_empty() {
            return None;
        }
        self.flushing = true;
        let bytes = std::mem::take(&mut self.out);
        Some(Output::Flush {
            connection: self.id,
            bytes,
            then_close: self.closing,
        })
    }

    fn receive(&mut self, received: &mut [u8]) {
        if self.closing {
            return;
        }
        let mut backlog = std::mem::take(&mut self.backlog);
        backlog.consume(received, |input| (self.decode(input), ()));
        self.backlog = backlog;
    }

    /// Answers all that is complete in `input` and returns what is not.
    fn decode(&mut self, input: &mut [u8]) -> Range<usize> {
        let mut start = 0;
        if let Protocol::Http(parser) = &mut self.protocol {
            let (keep, decoder) = shake_hands(parser, input, &mut self.out);
            start = keep.start;
            match decoder {
                Handshake::Done(decoder) => self.protocol = Protocol::WebSocket(decoder),
                Handshake::Incomplete => return keep,
                Handshake::Refused => {
                    self.closing = true;
                    return 0..0;
                }
            }
        }
        if let Protocol::WebSocket(decoder) = &mut self.protocol {
            let (consumed, goes_on) = echo_frames(decoder, &mut input[start..], &mut self.out);
            start += consumed;
            self.closing = !goes_on;
        }
        if self.closing { 0..0 } else { start..input.len() }
    }
}

enum Handshake {
    Done(Decoder),
    Incomplete,
    Refused,
}

/// Answers the opening handshake; the range is what it did not take.
fn shake_hands(parser: &mut RequestParser, input: &mut [u8], out: &mut Vec<u8>) -> (Range<usize>, Handshake) {
    let received = input.len();
    match parser.advance(input, &Limits::default()) {
        Ok(http::Progress::Incomplete { keep, .. }) => (0..keep, Handshake::Incomplete),
        Ok(http::Progress::Complete(request)) if request.path == "/echo" => match upgrade::check(&request) {
            Ok(accept) => {
                upgrade::write_accepted(accept, None, out);
                let decoder = Decoder::new(Role::Server, MESSAGE_BYTES);
                (request.consumed..received, Handshake::Done(decoder))
            }
            Err(fault) => refuse(fault.status(), fault.fields(), out),
        },
        Ok(http::Progress::Complete(_)) => refuse(404, &[], out),
        Err(fault) => refuse(fault.status(), &[], out),
    }
}

fn refuse(status: u16, fields: &[(&str, &str)], out: &mut Vec<u8>) -> (Range<usize>, Handshake) {
    let response = http::Response {
        status,
        content_type: None,
        fields: &[fields],
        body: &[],
        keep_alive: false,
        head_only: false,
    };
    response.write(b"Thu, 01 Jan 1970 00:00:00 GMT", out);
    (0..0, Handshake::Refused)
}

/// Sends every message back; tells how many bytes were consumed and whether the connection goes on.
pub fn echo_frames(decoder: &mut Decoder, input: &mut [u8], out: &mut Vec<u8>) -> (usize, bool) {
    let mut start = 0;
    loop {
        match decoder.advance(&mut input[start..]) {
            Ok(ws::Progress::Message { message, consumed }) => {
                start += consumed;
                match message {
                    Message::Text(payload) => ws::encode(Opcode::Text, &payload, None, out),
                    Message::Binary(payload) => ws::encode(Opcode::Binary, &payload, None, out),
                    Message::Ping(payload) => ws::encode(Opcode::Pong, payload, None, out),
                    Message::Pong(_) => {}
                    Message::Close(reason) => {
                        match reason {
                            Some(reason) => ws::encode_close(reason.code, "", None, out),
                            None => ws::encode(Opcode::Close, b"", None, out),
                        }
                        return (start, false);
                    }
                }
            }
            Ok(ws::Progress::Incomplete { consumed }) => return (start + consumed, true),
            Err(fault) => {
                ws::encode_close(fault.close_code(), &fault.to_string(), None, out);
                return (start, false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tungstenite::Message;
    use tungstenite::protocol::CloseFrame;
    use tungstenite::protocol::frame::coding::CloseCode;

    use super::*;

    #[test]
    fn an_independent_peer_gets_back_what_it_sent() {
        let (address, _ended) = start("127.0.0.1:0".parse().unwrap()).unwrap();
        let (mut peer, _) = tungstenite::connect(format!("ws://{address}/echo")).unwrap();
        for message in [Message::text("grüße"), Message::binary(vec![7; 70_000])] {
            peer.send(message.clone()).unwrap();
            assert_eq!(peer.read().unwrap(), message);
        }
        let close = CloseFrame {
            code: CloseCode::Normal,
            reason: "".into(),
        };
        peer.close(Some(close.clone())).unwrap();
        assert_eq!(peer.read().unwrap(), Message::Close(Some(close)));
        assert!(peer.read().is_err());
    }

    #[test]
    fn other_paths_are_not_found() {
        let (address, _ended) = start("127.0.0.1:0".parse().unwrap()).unwrap();
        let refused = tungstenite::connect(format!("ws://{address}/ws"));
        assert!(matches!(refused, Err(tungstenite::Error::Http(answer)) if answer.status() == 404));
    }
}
