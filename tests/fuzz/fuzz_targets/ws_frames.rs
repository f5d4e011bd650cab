//! Frames mean the same whole, cut and byte by byte, to either end; text is UTF-8 and messages are bounded.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringim::proto::backlog::Backlog;
use ringim::proto::ws::{Decoder, Fault, Message, Progress, Role};
use ringim_fuzz::cut;

/// A small limit, so that the fuzzer reaches it.
const LIMIT: u32 = 300;

fuzz_target!(|data: &[u8]| {
    let (bytes, pieces) = cut(data);
    for role in [Role::Server, Role::Client] {
        let whole = messages(role, [bytes]);
        assert_eq!(messages(role, pieces.iter().copied()), whole, "cut");
        assert_eq!(messages(role, bytes.chunks(1)), whole, "byte by byte");
    }
});

fn messages<'p>(role: Role, pieces: impl IntoIterator<Item = &'p [u8]>) -> Vec<Result<String, Fault>> {
    let mut decoder = Decoder::new(role, LIMIT);
    let mut backlog = Backlog::default();
    let mut outcomes = Vec::new();
    for piece in pieces {
        backlog.consume(&mut piece.to_vec(), |input| {
            (decode(&mut decoder, input, &mut outcomes)..input.len(), ())
        });
        if outcomes.last().is_some_and(Result::is_err) {
            break;
        }
        assert!(backlog.len() <= LIMIT as usize + 14, "an incomplete frame is bounded");
    }
    outcomes
}

fn decode(decoder: &mut Decoder, input: &mut [u8], outcomes: &mut Vec<Result<String, Fault>>) -> usize {
    let mut start = 0;
    loop {
        match decoder.advance(&mut input[start..]) {
            Ok(Progress::Message { message, consumed }) => {
                outcomes.push(Ok(described(&message)));
                start += consumed;
            }
            Ok(Progress::Incomplete { consumed }) => return start + consumed,
            Err(fault) => {
                outcomes.push(Err(fault));
                return input.len();
            }
        }
    }
}

/// All that a caller sees of a message, except whether it was joined from fragments.
fn described(message: &Message<'_>) -> String {
    match message {
        Message::Text(payload) => format!("text {}", std::str::from_utf8(payload).expect("text is UTF-8")),
        Message::Binary(payload) => {
            assert!(payload.len() <= LIMIT as usize);
            format!("binary {}", payload.escape_ascii())
        }
        Message::Ping(payload) | Message::Pong(payload) => {
            assert!(payload.len() <= 125);
            format!("{message:?}")
        }
        Message::Close(_) => format!("{message:?}"),
    }
}
