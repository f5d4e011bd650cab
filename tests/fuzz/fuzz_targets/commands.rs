//! A command that is understood says what an independent parser reads, and its content is kept byte for byte.

#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use ringim::api::refusal::Refusal;
use ringim::api::wire::document::{Buffers, Object};
use ringim::api::wire::message::{read_body, read_conversation_in};
use ringim::domain::message::Content;
use serde_json::Value;

thread_local! {
    /// Reused from text to text, as a shard does: what one leaves behind must not show in the next.
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

fuzz_target!(|data: &[u8]| {
    let understood = BUFFERS.with_borrow_mut(|buffers| buffers.read(data, |object| Ok(read(object))));
    let Ok((content, id, nested)) = understood else { return };
    let expected: Value = serde_json::from_slice(data).expect("what is understood is JSON");
    assert!(expected.is_object());
    if let Ok(content) = content {
        match content {
            Content::Text(text) => assert_eq!(expected["content"], Value::from(&*text)),
            Content::Json(json) => {
                assert_eq!(expected["content"], serde_json::from_str::<Value>(&json).expect("raw content is JSON"));
                assert!(data.windows(json.len()).any(|window| window == json.as_bytes()), "kept byte for byte");
            }
        }
    }
    if let Some(id) = id {
        assert_eq!(expected["id"], Value::from(id));
    }
    if let Some(raw) = nested {
        assert_eq!(expected["data"], serde_json::from_str::<Value>(&raw).expect("a nested object is JSON"));
    }
});

type Understood = (Result<Content, Refusal>, Option<String>, Option<String>);

fn read(object: Object<'_>) -> Understood {
    read_body(object, 1024).ok();
    read_conversation_in(object).ok();
    object.opt_int("seq").ok();
    object.objects("users", 16).ok();
    let id = object.opt_str("id").ok().flatten().map(str::to_owned);
    (object.content("content"), id, object.raw("data").map(str::to_owned))
}
