//! From received bytes to messages.

use std::ops::{Deref, DerefMut};

use super::close::CloseReason;
use super::frame::{Header, Opcode};
use super::{Fault, Role, mask};

/// A message, or a control frame.
#[derive(Debug)]
pub enum Message<'a> {
    /// UTF-8, checked.
    Text(Payload<'a>),
    /// Any bytes.
    Binary(Payload<'a>),
    /// To be answered by a pong with the same bytes.
    Ping(&'a [u8]),
    /// The answer to a ping, or a sign of life.
    Pong(&'a [u8]),
    /// The last message: what follows is not to be read.
    Close(Option<CloseReason<'a>>),
}

/// The bytes of a message; mutable so that they can be parsed in place.
#[derive(Debug)]
pub enum Payload<'a> {
    /// Of one frame, where it was received.
    Received(&'a mut [u8]),
    /// Joined from fragments.
    Joined(Vec<u8>),
}

impl Deref for Payload<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Payload::Received(bytes) => bytes,
            Payload::Joined(bytes) => bytes,
        }
    }
}

impl DerefMut for Payload<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        match self {
            Payload::Received(bytes) => bytes,
            Payload::Joined(bytes) => bytes,
        }
    }
}

/// What became of the received bytes.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A message is complete; the input behind `consumed` bytes has not been looked at.
    Message { message: Message<'a>, consumed: usize },
    /// More bytes must come after those behind `consumed`.
    Incomplete { consumed: usize },
}

/// Decodes the frames of one connection.
#[derive(Debug)]
pub struct Decoder {
    role: Role,
    /// Bytes of payload a message may have.
    limit: u32,
    /// The fragments so far of an incomplete message. Boxed, since hardly any connection has them.
    fragments: Option<Box<Fragments>>,
}

/// The front of a message.
#[derive(Debug)]
struct Fragments {
    text: bool,
    bytes: Vec<u8>,
    /// How much of a text is known to be UTF-8; less than all if the last character is cut.
    checked: usize,
}

impl Decoder {
    /// A decoder for the end `role` of a connection, and messages of at most `limit` bytes.
    pub fn new(role: Role, limit: u32) -> Self {
        Self {
            role,
            limit,
            fragments: None,
        }
    }

    /// Whether no message is begun and incomplete; then a new decoder would do as well.
    pub fn is_between_messages(&self) -> bool {
        self.fragments.is_none()
    }

    /// Takes frames from the front of `input` until a message is complete.
    ///
    /// At the next call `input` begins behind the consumed bytes.
    ///
    /// # Errors
    /// The rule that the peer broke. Close with its code; nothing after it may be read.
    pub fn advance<'a>(&mut self, input: &'a mut [u8]) -> Result<Progress<'a>, Fault> {
        let mut consumed = 0;
        let (header, frame) = loop {
            let Some((header, frame)) = self.next_frame(&input[consumed..])? else {
                return Ok(Progress::Incomplete { consumed });
            };
            let frame = consumed + frame.start..consumed + frame.end;
            consumed = frame.end;
            if let Some(key) = header.mask {
                mask::apply(&mut input[frame.clone()], key);
            }
            if header.fin {
                break (header, frame);
            }
            self.keep_fragment(header.opcode, &input[frame])?;
        };
        let message = self.finish(header.opcode, &mut input[frame])?;
        Ok(Progress::Message { message, consumed })
    }

    /// The next header and where its payload lies; `None` while bytes of either are missing.
    fn next_frame(&self, input: &[u8]) -> Result<Option<(Header, std::ops::Range<usize>)>, Fault> {
        let Some((header, start)) = Header::read(input)? else {
            return Ok(None);
        };
        match (self.role, header.mask) {
            (Role::Server, None) => return Err(Fault::Unmasked),
            (Role::Client, Some(_)) => return Err(Fault::Masked),
            _ => {}
        }
        match (&self.fragments, header.opcode) {
            (None, Opcode::Continuation) => return Err(Fault::UnexpectedContinuation),
            (Some(_), Opcode::Text | Opcode::Binary) => return Err(Fault::InterruptedMessage),
            _ => {}
        }
        let before = match &self.fragments {
            Some(fragments) if !header.opcode.is_control() => fragments.bytes.len() as u64,
            _ => 0,
        };
        if header.length > u64::from(self.limit).saturating_sub(before) {
            return Err(Fault::MessageTooLarge);
        }
        let end = start + header.length as usize;
        Ok((input.len() >= end).then_some((header, start..end)))
    }

    /// Adds a fragment that is not the last.
    fn keep_fragment(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), Fault> {
        let text = opcode == Opcode::Text;
        let fragments = self.fragments.get_or_insert_with(|| {
            Box::new(Fragments {
                text,
                bytes: Vec::new(),
                checked: 0,
            })
        });
        fragments.bytes.extend_from_slice(payload);
        fragments.check(false)
    }

    /// The message that ends with this frame.
    fn finish<'a>(&mut self, opcode: Opcode, payload: &'a mut [u8]) -> Result<Message<'a>, Fault> {
        Ok(match opcode {
            Opcode::Ping => Message::Ping(payload),
            Opcode::Pong => Message::Pong(payload),
            Opcode::Close => Message::Close(CloseReason::read(payload)?),
            Opcode::Binary => Message::Binary(Payload::Received(payload)),
            Opcode::Text => {
                std::str::from_utf8(payload).map_err(|_| Fault::InvalidUtf8)?;
                Message::Text(Payload::Received(payload))
            }
            Opcode::Continuation => {
                let mut fragments = self.fragments.take().ok_or(Fault::UnexpectedContinuation)?;
                fragments.bytes.extend_from_slice(payload);
                fragments.check(true)?;
                let payload = Payload::Joined(fragments.bytes);
                if fragments.text {
                    Message::Text(payload)
                } else {
                    Message::Binary(payload)
                }
            }
        })
    }
}

impl Fragments {
    /// Checks what was added to a text, so that a fault is found with the fragment that has it (RFC 6455 8.1).
    fn check(&mut self, complete: bool) -> Result<(), Fault> {
        if !self.text {
            return Ok(());
        }
        match std::str::from_utf8(&self.bytes[self.checked..]) {
            Ok(_) => self.checked = self.bytes.len(),
            Err(error) if error.error_len().is_none() && !complete => self.checked += error.valid_up_to(),
            Err(_) => return Err(Fault::InvalidUtf8),
        }
        Ok(())
    }
}
