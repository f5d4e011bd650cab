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
    /// What concerns us since a cursor.
    Page(SyncPage<'a>),
    /// A page of a conversation, by REST.
    History(HistoryPage<'a>),
    /// A request was refused; a message is named by its id. Some may be repeated after a while.
    Error {
        id: Option<&'a [u8]>,
        retry_after_ms: Option<u64>,
    },
    /// The session has begun.
    Hello,
    /// Nothing that is counted.
    Other,
}

impl<'a> Incoming<'a> {
    /// Recognises a frame, or the body of a REST response.
    pub fn read(frame: &'a [u8]) -> Self {
        if let Some(body) = frame.strip_prefix(br#"{"code":"#) {
            return Self::read_response(body);
        }
        let Some(rest) = frame.strip_prefix(br#"{"type":""#) else {
            return Incoming::Other;
        };
        let kind = &rest[..memchr::memchr(b'"', rest).unwrap_or(rest.len())];
        match kind {
            b"ack" if rest.starts_with(SyncPage::MARK) => SyncPage::read(rest).map_or(Incoming::Other, Incoming::Page),
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
                retry_after_ms: number_after(rest, br#""retryAfterMs":"#),
            },
            b"hello" => Incoming::Hello,
            _ => Incoming::Other,
        }
    }
}

impl<'a> Incoming<'a> {
    fn read_response(body: &'a [u8]) -> Self {
        if let Some(page) = HistoryPage::read(body) {
            return Incoming::History(page);
        }
        match (body.starts_with(b"200,"), acknowledged(body)) {
            (true, Some((id, seq))) => Incoming::Ack { id, seq },
            _ => Incoming::Error {
                id: None,
                retry_after_ms: None,
            },
        }
    }
}

/// A page of a conversation.
#[derive(Debug, PartialEq, Eq)]
pub struct HistoryPage<'a> {
    /// Whether there are older messages.
    pub more: bool,
    messages: &'a [u8],
}

impl<'a> HistoryPage<'a> {
    fn read(body: &'a [u8]) -> Option<Self> {
        let data = body.strip_prefix(br#"200,"message":"ok","data":{"conversationId":"#)?;
        let start = memmem::find(data, br#","items":["#)?;
        let length = memmem::rfind(&data[start..], br#"],"hasMore":"#)?;
        Some(Self {
            more: data.ends_with(br#""hasMore":true}}"#),
            messages: &data[start..start + length],
        })
    }

    /// Id and number of each message, oldest first.
    pub fn messages(&self) -> impl Iterator<Item = (&'a [u8], u64)> {
        messages(self.messages)
    }
}

/// Id and number of each message of a list.
fn messages(list: &[u8]) -> impl Iterator<Item = (&[u8], u64)> {
    memmem::find_iter(list, br#"{"id":""#).filter_map(|start| acknowledged(&list[start..]))
}

/// A page of a sync.
#[derive(Debug, PartialEq, Eq)]
pub struct SyncPage<'a> {
    pub cursor: &'a [u8],
    /// Whether the cursor of the request was known.
    pub recovered: bool,
    /// Whether to ask again.
    pub more: bool,
    messages: &'a [u8],
}

impl<'a> SyncPage<'a> {
    const MARK: &'static [u8] = br#"ack","code":200,"data":{"cursor":""#;

    fn read(text: &'a [u8]) -> Option<Self> {
        let start = memmem::find(text, br#"],"messages":["#)?;
        let length = memmem::rfind(&text[start..], br#"],"changes":["#)?;
        Some(Self {
            cursor: text_after(text, br#""cursor":""#)?,
            recovered: memmem::find(&text[..start], br#""recovered":true"#).is_some(),
            more: text.ends_with(br#""more":true}}"#),
            messages: &text[start..start + length],
        })
    }

    /// Id and number of each message, in log order.
    pub fn messages(&self) -> impl Iterator<Item = (&'a [u8], u64)> {
        messages(self.messages)
    }
}

/// The request for such a page, from the beginning or since a cursor.
pub fn sync_request(cursor: Option<&[u8]>) -> Vec<u8> {
    match cursor {
        Some(cursor) => [br#"{"type":"sync","data":{"cursor":""#, cursor, br#""}}"#].concat(),
        None => br#"{"type":"sync","data":{}}"#.to_vec(),
    }
}

/// The frame that tells a peer that one is typing.
pub fn typing(peer: &str, chat_type: &str) -> String {
    format!(r#"{{"type":"typing","data":{{"toId":"{peer}","chatType":"{chat_type}"}}}}"#)
}

/// The frame that tells how far one has read the conversation with a peer.
pub fn read(peer: &str, chat_type: &str, seq: u64) -> String {
    format!(r#"{{"type":"read","data":{{"chatType":"{chat_type}","peerId":"{peer}","seq":{seq}}}}}"#)
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
            Transport::WebSocket => (r#"{"type":"message","data":"#, "}}"),
            Transport::Http => ("", "}"),
        };
        Self::between(before, after, to, chat_type, content)
    }

    /// The body of a request that a back end makes with its key for the user `from`.
    pub fn on_behalf(from: &str, to: &str, content: &str) -> Self {
        Self::between("", &format!(r#","fromId":"{from}"}}"#), to, "single", content)
    }

    fn between(before: &str, after: &str, to: &str, chat_type: &str, content: &str) -> Self {
        let rest = format!(r#"","toId":"{to}","chatType":"{chat_type}","contentType":"text","content":"{content}""#);
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
        let error = |id, retry_after_ms| Incoming::Error { id, retry_after_ms };
        let busy = br#"{"type":"error","code":503,"retryable":true,"retryAfterMs":1000,"data":{"id":"e"}}"#;
        assert_eq!(Incoming::read(busy), error(Some(b"e"), Some(1000)));
        assert_eq!(
            Incoming::read(br#"{"type":"error","code":400,"retryable":false}"#),
            error(None, None)
        );
        assert_eq!(Incoming::read(br#"{"type":"hello","data":{}}"#), Incoming::Hello);
        assert_eq!(Incoming::read(br#"{"type":"typing","data":{}}"#), Incoming::Other);
        assert_eq!(Incoming::read(b"{"), Incoming::Other);
        let answer = br#"{"code":200,"message":"ok","data":{"id":"r","conversationId":"c","seq":4,"timestamp":1}}"#;
        assert_eq!(Incoming::read(answer), Incoming::Ack { id: b"r", seq: 4 });
        assert_eq!(Incoming::read(br#"{"code":503,"error":"busy"}"#), error(None, None));
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

    #[test]
    fn a_page_of_a_sync_is_read() {
        let page = br#"{"type":"ack","code":200,"data":{"cursor":"MS4","epoch":"e","recovered":true,"conversations":[{"conversationId":"c1","lastMessage":{"id":"b","seq":2}}],"messages":[{"id":"a","conversationId":"c1","seq":1,"content":"x"},{"id":"b","conversationId":"c1","seq":2}],"changes":[],"events":[],"more":false}}"#;
        let Incoming::Page(page) = Incoming::read(page) else {
            panic!("not taken for a page");
        };
        assert_eq!((page.cursor, page.recovered, page.more), (&b"MS4"[..], true, false));
        let messages: Vec<_> = page.messages().collect();
        assert_eq!(messages, [(&b"a"[..], 1), (&b"b"[..], 2)]);

        let more = br#"{"type":"ack","code":200,"data":{"cursor":"MS4","recovered":false,"conversations":[],"messages":[],"changes":[],"events":[],"more":true}}"#;
        let Incoming::Page(page) = Incoming::read(more) else {
            panic!("not taken for a page");
        };
        assert_eq!((page.recovered, page.more, page.messages().count()), (false, true, 0));
    }

    #[test]
    fn a_back_end_names_the_author() {
        let mut body = Vec::new();
        Template::on_behalf("u1", "u2", "hi").render(b"some-id", &mut body);
        let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&value["fromId"], &value["toId"]), (&"u1".into(), &"u2".into()));
    }
}
