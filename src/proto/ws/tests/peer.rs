//! An independent implementation as the other end.

use std::io::{self, Read, Write};

use proptest::collection::vec;
use proptest::prelude::*;
use tungstenite::protocol::{self, CloseFrame, WebSocket, frame::coding::CloseCode};

use super::pieces::{message, text};
use super::*;

/// A stream in memory: what the peer reads, and what it wrote.
#[derive(Debug, Default)]
struct Pipe {
    incoming: io::Cursor<Vec<u8>>,
    outgoing: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.incoming.read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            length => Ok(length),
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl From<tungstenite::Message> for Owned {
    fn from(message: tungstenite::Message) -> Self {
        match message {
            tungstenite::Message::Text(text) => Owned::Text(text.as_bytes().to_vec()),
            tungstenite::Message::Binary(bytes) => Owned::Binary(bytes.to_vec()),
            tungstenite::Message::Ping(bytes) => Owned::Ping(bytes.to_vec()),
            tungstenite::Message::Pong(bytes) => Owned::Pong(bytes.to_vec()),
            tungstenite::Message::Close(frame) => {
                Owned::Close(frame.map(|frame| (frame.code.into(), frame.reason.to_string())))
            }
            tungstenite::Message::Frame(_) => panic!("frames are never read"),
        }
    }
}

fn message_of(owned: Owned) -> tungstenite::Message {
    match owned {
        Owned::Text(bytes) => tungstenite::Message::text(String::from_utf8(bytes).unwrap()),
        Owned::Binary(bytes) => tungstenite::Message::binary(bytes),
        Owned::Ping(bytes) => tungstenite::Message::Ping(bytes.into()),
        Owned::Pong(bytes) => tungstenite::Message::Pong(bytes.into()),
        Owned::Close(reason) => tungstenite::Message::Close(reason.map(|(code, reason)| CloseFrame {
            code: CloseCode::from(code),
            reason: reason.into(),
        })),
    }
}

/// What the peer, as `role`, reads from `bytes`.
fn peer_reads(role: protocol::Role, bytes: Vec<u8>) -> Result<Vec<Owned>, tungstenite::Error> {
    let pipe = Pipe {
        incoming: io::Cursor::new(bytes),
        outgoing: Vec::new(),
    };
    let mut peer = WebSocket::from_raw_socket(pipe, role, None);
    let mut seen = Vec::new();
    loop {
        match peer.read() {
            Ok(message) => seen.push(message.into()),
            Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                return Ok(seen);
            }
            Err(error) => return Err(error),
        }
    }
}

/// What the peer, as `role`, writes for `messages`.
fn peer_writes(role: protocol::Role, messages: &[Owned]) -> Vec<u8> {
    let mut peer = WebSocket::from_raw_socket(Pipe::default(), role, None);
    for message in messages {
        peer.write(message_of(message.clone())).unwrap();
    }
    peer.flush().unwrap();
    std::mem::take(&mut peer.get_mut().outgoing)
}

/// What this codec writes for `messages`.
fn encoded(messages: &[Owned], mask: Option<[u8; 4]>) -> Vec<u8> {
    let mut out = Vec::new();
    for message in messages {
        match message {
            Owned::Text(bytes) => encode(Opcode::Text, bytes, mask, &mut out),
            Owned::Binary(bytes) => encode(Opcode::Binary, bytes, mask, &mut out),
            Owned::Ping(bytes) => encode(Opcode::Ping, bytes, mask, &mut out),
            Owned::Pong(bytes) => encode(Opcode::Pong, bytes, mask, &mut out),
            Owned::Close(None) => encode(Opcode::Close, b"", mask, &mut out),
            Owned::Close(Some((code, reason))) => encode_close(*code, reason, mask, &mut out),
        }
    }
    out
}

/// Any messages that a connection may carry before it closes.
fn messages() -> impl Strategy<Value = Vec<Owned>> {
    let control = vec(any::<u8>(), 0..126);
    let one = prop_oneof![
        text().prop_map(|text| Owned::Text(text.into_bytes())),
        vec(any::<u8>(), 0..300).prop_map(Owned::Binary),
        control.clone().prop_map(Owned::Ping),
        control.prop_map(Owned::Pong),
    ];
    vec(one, 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_the_peer_writes_is_read(messages in messages()) {
        let expected: Seen = messages.iter().cloned().map(Ok).collect();
        let as_client = peer_writes(protocol::Role::Client, &messages);
        prop_assert_eq!(&decode_pieces(Role::Server, [&as_client[..]]), &expected);
        let as_server = peer_writes(protocol::Role::Server, &messages);
        prop_assert_eq!(&decode_pieces(Role::Client, [&as_server[..]]), &expected);
    }

    #[test]
    fn what_is_written_the_peer_reads(messages in messages(), mask in any::<[u8; 4]>()) {
        let as_server = encoded(&messages, None);
        prop_assert_eq!(&peer_reads(protocol::Role::Client, as_server).unwrap(), &messages);
        let as_client = encoded(&messages, Some(mask));
        prop_assert_eq!(&peer_reads(protocol::Role::Server, as_client).unwrap(), &messages);
    }

    #[test]
    fn fragments_mean_the_same_to_both(messages in vec(message(), 1..4)) {
        let bytes: Vec<u8> = messages.into_iter().flat_map(|(_, bytes)| bytes).collect();
        let here: Result<Vec<Owned>, Fault> = decode_pieces(Role::Server, [&bytes[..]]).into_iter().collect();
        prop_assert_eq!(here.unwrap(), peer_reads(protocol::Role::Server, bytes).unwrap());
    }
}

#[test]
fn closing_means_the_same_to_both() {
    for close in [
        None,
        Some((1000, String::new())),
        Some((4501, "\u{4ee4}\u{724c}".repeat(20))),
    ] {
        let messages = [Owned::Close(close)];
        let as_client = peer_writes(protocol::Role::Client, &messages);
        assert_eq!(decode_pieces(Role::Server, [&as_client[..]]), messages.clone().map(Ok));
        let pipe = Pipe {
            incoming: io::Cursor::new(encoded(&messages, None)),
            outgoing: Vec::new(),
        };
        let mut peer = WebSocket::from_raw_socket(pipe, protocol::Role::Client, None);
        assert_eq!(Owned::from(peer.read().unwrap()), messages[0]);
    }
}
