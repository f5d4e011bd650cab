//! The words of chat robots: what they are sent and what they answer.

use serde_json::Value;

use super::json::Members;

/// A text for WeCom and DingTalk. Without a list of mentions nobody is mentioned, whatever the text says.
pub fn write_text(text: &str, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members.value("msgtype", "text");
    write_nested("text", "content", text, &mut members);
    members.end();
}

/// A text for Feishu, with time in seconds and signature if the robot has a secret. A `<` could begin a
/// mention and is replaced by its full-width form.
pub fn write_feishu(text: &str, signed: Option<(i64, String)>, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    if let Some((seconds, sign)) = signed {
        members.value("timestamp", seconds.to_string()).value("sign", sign);
    }
    members.value("msg_type", "text");
    write_nested("content", "text", &text.replace('<', "＜"), &mut members);
    members.end();
}

/// A text for Slack, escaped as its documentation says, so that it can neither mention nor link.
pub fn write_slack(text: &str, out: &mut Vec<u8>) {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    Members::begin(out).value("text", escaped).end();
}

fn write_nested(outer: &'static str, inner: &'static str, text: &str, members: &mut Members<'_>) {
    Members::begin(members.name(outer)).value(inner, text).end();
}

/// The result code in a robot's answer; 0 is success.
pub fn read_code(body: &[u8], name: &str) -> Option<i64> {
    serde_json::from_slice::<Value>(body).ok()?.get(name)?.as_i64()
}
