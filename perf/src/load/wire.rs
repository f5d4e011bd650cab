//! The frames of `im.v1.json` and the bodies of `POST /api/message/send` (contract sections 3 and 2) as far as a load
//! generator must know them.
//!
//! Frames are searched, not parsed: the generator shares the machine with the server and must be cheap. The contract
//! allows it (`type` comes first, no spaces), and the content sent here contains none of the marks.

use memchr::memmem;

use super::client::Transport;

/// What a frame of the server is to the generator.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// The server has stored a message of ours.
    Ack { id: &'a [u8], seq: u64 },
    /// A message for us.
    Message { id: &'a [u8], seq: u64 },
    /// A request was refused; a message is named by its id.
    Error { id: Option<&'a [u8]> },
    /// The session has begun.
    Hello,
    /// Nothing that is counted.
    Other,
}

impl<'a> Incoming<'a> {
    /// Recognises a frame, or the body of a REST response.
    pub fn read(frame: &'a [u8]) -> Self {
        if let Some(body) = frame.strip_prefix(br#"{"code":"#) {
            return match (body.starts_with(b"200,"), acknowledged(body)) {
                (true, Some((id, seq))) => Incoming::Ack { id, seq },
                _ => Incoming::Error { id: None },
            };
        }
        let Some(rest) = frame.strip_prefix(br#"{"type":""#) else {
            return Incoming::Other;
        };
        let kind = &rest[..memchr::memchr(b'"', rest).unwrap_or(rest.len())];
        match kind {
            b"ack" | b"message" => {
                let Some((id, seq)) = acknowledged(rest) else {
                    return Incoming::Other;
                };
                if kind == b"ack" {
                    Incoming::Ack { id, seq }
                } else {
                    Incoming::Message { id, seq }
                }
            }
            b"error" => Incoming::Error {
                id: text_after(rest, br#""id":""#),
            },
            b"hello" => Incoming::Hello,
            _ => Incoming::Other,
        }
    }
}

/// What a message is sent as, to one recipient.
#[derive(Debug)]
pub struct Template {
    before_id: Vec<u8>,
    after_id: Vec<u8>,
}

impl Template {
    /// A `message` frame, or the body of a request.
    pub fn new(transport: Transport, to: &str, chat_type: &str, content: &str) -> Self {
        let (before, after) = match transport {
            Transport::WebSocket => (r#"{"type":"message","data":"#, "}"),
            Transport::Http => ("", ""),
        };
        let rest = format!(r#"","toId":"{to}","chatType":"{chat_type}","contentType":"text","content":"{content}"}}"#);
        Self {
            before_id: format!(r#"{before}{{"id":""#).into_bytes(),
            after_id: format!("{rest}{after}").into_bytes(),
        }
    }

    /// Writes the frame's text into `out`, which is emptied first.
    pub fn render(&self, id: &[u8], out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&self.before_id);
        out.extend_from_slice(id);
        out.extend_from_slice(&self.after_id);
    }
}

/// Content of so many bytes.
pub fn content(bytes: usize) -> String {
    "the quick brown fox jumps over the lazy dog "
        .chars()
        .cycle()
        .take(bytes)
        .collect()
}

/// The id and the number that a message, an ack or a response names.
fn acknowledged(text: &[u8]) -> Option<(&[u8], u64)> {
    Some((text_after(text, br#""id":""#)?, number_after(text, br#""seq":"#)?))
}

fn text_after<'a>(text: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    let start = memmem::find(text, mark)? + mark.len();
    let length = memchr::memchr(b'"', &text[start..])?;
    Some(&text[start..start + length])
}

fn number_after(text: &[u8], mark: &[u8]) -> Option<u64> {
    let start = memmem::find(text, mark)? + mark.len();
    let digits = text[start..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number: u64, &digit| {
        number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_the_contract_are_recognised() {
        let ack = br#"{"type":"ack","code":200,"data":{"id":"a-1","conversationId":"c","seq":12,"timestamp":1}}"#;
        assert_eq!(Incoming::read(ack), Incoming::Ack { id: b"a-1", seq: 12 });
        let push = br#"{"type":"message","data":{"id":"b","conversationId":"c","seq":3,"content":"x"}}"#;
        assert_eq!(Incoming::read(push), Incoming::Message { id: b"b", seq: 3 });
        let error = br#"{"type":"error","code":503,"data":{"id":"e"}}"#;
        assert_eq!(Incoming::read(error), Incoming::Error { id: Some(b"e") });
        assert_eq!(
            Incoming::read(br#"{"type":"error","code":400}"#),
            Incoming::Error { id: None }
        );
        assert_eq!(Incoming::read(br#"{"type":"hello","data":{}}"#), Incoming::Hello);
        assert_eq!(Incoming::read(br#"{"type":"typing","data":{}}"#), Incoming::Other);
        assert_eq!(Incoming::read(b"{"), Incoming::Other);
        let answer = br#"{"code":200,"message":"ok","data":{"id":"r","conversationId":"c","seq":4,"timestamp":1}}"#;
        assert_eq!(Incoming::read(answer), Incoming::Ack { id: b"r", seq: 4 });
        assert_eq!(
            Incoming::read(br#"{"code":503,"error":"busy"}"#),
            Incoming::Error { id: None }
        );
    }

    #[test]
    fn a_rendered_frame_is_json() {
        let mut frame = Vec::new();
        Template::new(Transport::WebSocket, "u1", "single", &content(120)).render(b"some-id", &mut frame);
        let value: serde_json::Value = serde_json::from_slice(&frame).unwrap();
        assert_eq!(value["data"]["id"], "some-id");
        assert_eq!(value["data"]["content"].as_str().map(str::len), Some(120));
        Template::new(Transport::Http, "u1", "group", "").render(b"other-id", &mut frame);
        let value: serde_json::Value = serde_json::from_slice(&frame).unwrap();
        assert_eq!(
            (&value["id"], &value["chatType"]),
            (&"other-id".into(), &"group".into())
        );
    }
}
