//! The decoder as a connection uses it: any cuts, fragments, faults, and an independent peer.

mod faults;
mod peer;
mod pieces;

use super::*;
use crate::proto::backlog::Backlog;

/// A message with its bytes copied out.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Owned {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

impl From<&Message<'_>> for Owned {
    fn from(message: &Message<'_>) -> Self {
        match message {
            Message::Text(payload) => Owned::Text(payload.to_vec()),
            Message::Binary(payload) => Owned::Binary(payload.to_vec()),
            Message::Ping(payload) => Owned::Ping(payload.to_vec()),
            Message::Pong(payload) => Owned::Pong(payload.to_vec()),
            Message::Close(reason) => Owned::Close(reason.map(|close| (close.code, close.reason.to_owned()))),
        }
    }
}

/// What a connection sees: messages, and a fault as the last.
type Seen = Vec<Result<Owned, Fault>>;

/// The limit of messages in these tests, above which a length takes eight bytes.
const LIMIT: u32 = 70_000;

/// Feeds `pieces` as a connection would and collects what comes out.
fn decode_pieces<'p>(role: Role, pieces: impl IntoIterator<Item = &'p [u8]>) -> Seen {
    let mut decoder = Decoder::new(role, LIMIT);
    let mut backlog = Backlog::default();
    let mut seen = Seen::new();
    for piece in pieces {
        backlog.consume(&mut piece.to_vec(), |input| {
            (decode_all(&mut decoder, input, &mut seen)..input.len(), ())
        });
        if seen.last().is_some_and(Result::is_err) {
            break;
        }
    }
    seen
}

/// Decodes until the input is used up, and answers how much of it was consumed.
fn decode_all(decoder: &mut Decoder, input: &mut [u8], seen: &mut Seen) -> usize {
    let mut start = 0;
    loop {
        match decoder.advance(&mut input[start..]) {
            Ok(Progress::Message { message, consumed }) => {
                seen.push(Ok(Owned::from(&message)));
                start += consumed;
            }
            Ok(Progress::Incomplete { consumed }) => return start + consumed,
            Err(fault) => {
                seen.push(Err(fault));
                return input.len();
            }
        }
    }
}

/// One frame as a client sends it, fragmented or not.
fn client_frame(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let key = [0xa1, 0x02, 0xf3, 0x7c];
    let mut out = Vec::new();
    Header {
        fin,
        opcode,
        mask: Some(key),
        length: payload.len() as u64,
    }
    .write(&mut out);
    let start = out.len();
    out.extend_from_slice(payload);
    mask::apply(&mut out[start..], key);
    out
}

#[test]
fn an_idle_decoder_is_small() {
    assert!(size_of::<Decoder>() <= 16);
}

#[test]
fn a_whole_message_is_not_copied() {
    let mut input = client_frame(true, Opcode::Text, b"Hello");
    let place = input[6..].as_ptr();
    let progress = Decoder::new(Role::Server, LIMIT).advance(&mut input);
    match progress {
        Ok(Progress::Message {
            message: Message::Text(Payload::Received(bytes)),
            consumed: 11,
        }) => {
            assert_eq!(bytes, b"Hello");
            assert_eq!(bytes.as_ptr(), place);
        }
        other => panic!("{other:?}"),
    }
}
