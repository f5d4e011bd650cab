//! The request that tells a target of something, and what its answer means.

use super::Occurrence;
use super::text::digest;
use crate::api::wire::robot;
use crate::api::wire::webhook_event::write_webhook_event;
use crate::auth::signature::{self, WebhookSecret};
use crate::base::secret::Secret;
use crate::domain::id::Timestamp;
use crate::domain::webhook::{Outcome, Webhook, WebhookKind};

/// Events one message of a robot covers at the most.
pub const MERGED_EVENTS: usize = 50;

/// Bytes of a WeCom text (their documentation).
const WECOM_TEXT_BYTES: usize = 2048;

/// Bytes of other robots' texts: escaped, they stay below the 20 KB their bodies may have.
const TEXT_BYTES: usize = 6 * 1024;

/// A POST of JSON.
#[derive(Debug)]
pub struct Request {
    /// Where to. A robot's address is a secret.
    pub url: Secret<String>,
    /// Beside `Content-Type`.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// An answer, as far as it matters.
#[derive(Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// `Retry-After`, in milliseconds from now.
    pub retry_after: Option<Timestamp>,
    /// The beginning of the body.
    pub body: Vec<u8>,
}

/// The request that tells of the first of these events, and how many of them it covers (at least one).
pub fn compose(webhook: &Webhook, occurrences: &[Occurrence], now: Timestamp) -> Option<(Request, usize)> {
    let first = occurrences.first()?;
    if webhook.kind == WebhookKind::Json {
        return Some((plain(webhook, first, now), 1));
    }
    let most = if webhook.kind == WebhookKind::Wecom {
        WECOM_TEXT_BYTES
    } else {
        TEXT_BYTES
    };
    let (text, covered) = digest(occurrences, most);
    Some((robot_request(webhook, &text, now), covered))
}

fn plain(webhook: &Webhook, occurrence: &Occurrence, now: Timestamp) -> Request {
    let mut body = Vec::with_capacity(512);
    write_webhook_event(occurrence, &mut body);
    let id = occurrence.id();
    let seconds = now / 1000;
    let secret = webhook.secret.as_deref().and_then(WebhookSecret::parse);
    let signature = secret.map(|secret| ("webhook-signature", secret.sign(&id, seconds, &body)));
    let mut headers = vec![("webhook-id", id), ("webhook-timestamp", seconds.to_string())];
    headers.extend(signature);
    Request {
        url: Secret::new(webhook.url.to_string()),
        headers,
        body,
    }
}

fn robot_request(webhook: &Webhook, text: &str, now: Timestamp) -> Request {
    let mut url = webhook.url.to_string();
    let mut body = Vec::with_capacity(text.len() + 128);
    let secret = webhook.secret.as_deref();
    match webhook.kind {
        WebhookKind::Feishu => {
            let seconds = now / 1000;
            let signed = secret.map(|secret| (seconds, signature::feishu(secret, seconds)));
            robot::write_feishu(text, signed, &mut body);
        }
        WebhookKind::Slack => robot::write_slack(text, &mut body),
        WebhookKind::Dingtalk => {
            if let Some(secret) = secret {
                let sign: String =
                    form_urlencoded::byte_serialize(signature::dingtalk(secret, now).as_bytes()).collect();
                url.push_str(&format!("&timestamp={now}&sign={sign}"));
            }
            robot::write_text(text, &mut body);
        }
        WebhookKind::Wecom | WebhookKind::Json => robot::write_text(text, &mut body),
    }
    Request {
        url: Secret::new(url),
        headers: Vec::new(),
        body,
    }
}

/// What an answer means. Robots answer 200 whatever happens and tell the result in the body.
pub fn judge(kind: WebhookKind, response: &Response) -> Outcome {
    let Response {
        status,
        retry_after,
        body,
    } = response;
    if !(200..300).contains(status) {
        let error = format!("status {status}").into();
        return Outcome::Failed {
            error,
            retry_after: *retry_after,
            gone: *status == 410,
        };
    }
    let (code, wait) = match kind {
        WebhookKind::Json | WebhookKind::Slack => return Outcome::Delivered,
        WebhookKind::Wecom => (robot::read_code(body, "errcode"), (45009, 60_000)),
        WebhookKind::Dingtalk => (robot::read_code(body, "errcode"), (130_101, 600_000)),
        WebhookKind::Feishu => (robot::read_code(body, "code"), (11232, 60_000)),
    };
    let (too_fast, wait_ms) = wait;
    match code {
        Some(0) => Outcome::Delivered,
        Some(code) => Outcome::Failed {
            error: format!("code {code}").into(),
            retry_after: (code == too_fast).then_some(wait_ms),
            gone: false,
        },
        None => Outcome::failed("an answer without a result"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::webhook::samples;
    use crate::domain::event::NoticeKind;
    use crate::domain::id::Position;

    const NOW: Timestamp = 1_700_000_000_000;

    fn request(kind: WebhookKind, url: &str, secret: Option<&str>, occurrence: Occurrence) -> (Request, String) {
        let webhook = Webhook {
            id: "w".into(),
            name: "".into(),
            url: url.into(),
            kind,
            events: vec!["*".into()],
            secret: secret.map(Into::into),
            enabled: true,
            position: Position(0),
            created_at: 0,
        };
        let (request, covered) = compose(&webhook, &[occurrence], NOW).unwrap();
        assert_eq!(covered, 1);
        let body = String::from_utf8(request.body.clone()).unwrap();
        (request, body)
    }

    #[test]
    fn a_plain_webhook_gets_the_event_of_the_contract_signed() {
        let secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
        let (request, body) = request(
            WebhookKind::Json,
            "https://example.com/",
            Some(secret),
            samples::text("hi"),
        );
        assert_eq!(
            body,
            r#"{"event":"new_message","id":"evt_7","timestamp":1700000000000,"data":{"id":"m-1","conversationId":"c3","seq":2,"chatType":"single","fromId":"alice","fromName":"Alice","toId":"bob","contentType":"text","content":"hi","timestamp":1700000000000}}"#
        );
        let key = WebhookSecret::parse(secret).unwrap();
        let expected = [
            ("webhook-id", "evt_7".to_owned()),
            ("webhook-timestamp", "1700000000".to_owned()),
            ("webhook-signature", key.sign("evt_7", 1_700_000_000, body.as_bytes())),
        ];
        assert_eq!(request.headers, expected);
    }

    #[test]
    fn other_events_tell_whom_they_concern() {
        let body = |occurrence| request(WebhookKind::Json, "https://example.com/", None, occurrence).1;
        let user = r#"{"id":"bob","username":"bob","nickname":null,"avatar":null,"status":"active","createdAt":5}"#;
        assert_eq!(
            body(samples::notice(NoticeKind::UserRegistered)),
            format!(r#"{{"event":"user_registered","id":"evt_8","timestamp":9,"data":{user}}}"#)
        );
        let group = r#"{"id":"g","name":"Team","ownerId":"alice","joinPolicy":"invite","memberCount":2,"createdAt":6}"#;
        assert_eq!(
            body(samples::notice(NoticeKind::GroupMemberAdded)),
            format!(
                r#"{{"event":"group_member_added","id":"evt_8","timestamp":9,"data":{{"group":{group},"users":[{user}],"by":null}}}}"#
            )
        );
        let online = Occurrence::Presence {
            user: crate::domain::id::UserId::stored("bob"),
            online: true,
            at: 3,
            serial: 1,
        };
        assert_eq!(
            body(online),
            r#"{"event":"user_online","id":"evt_p3_1","timestamp":3,"data":{"userId":"bob"}}"#
        );
    }

    #[test]
    fn robots_get_their_formats() {
        let body = |kind| {
            request(
                kind,
                "https://example.com/?a=b",
                None,
                samples::text("<at user_id=\"all\"> & \"x\""),
            )
            .1
        };
        let text = r#"[IM消息] Alice: <at user_id=\"all\"> & \"x\""#;
        let expected = format!(r#"{{"msgtype":"text","text":{{"content":"{text}"}}}}"#);
        assert_eq!(body(WebhookKind::Wecom), expected);
        assert_eq!(body(WebhookKind::Dingtalk), expected);
        let text = r#"[IM消息] Alice: ＜at user_id=\"all\"> & \"x\""#;
        assert_eq!(
            body(WebhookKind::Feishu),
            format!(r#"{{"msg_type":"text","content":{{"text":"{text}"}}}}"#)
        );
        let text = r#"[IM消息] Alice: &lt;at user_id=\"all\"&gt; &amp; \"x\""#;
        assert_eq!(body(WebhookKind::Slack), format!(r#"{{"text":"{text}"}}"#));
    }

    #[test]
    fn robots_sign_where_they_want_it() {
        let url = "https://oapi.dingtalk.com/robot/send?access_token=T";
        let (dingtalk, _) = request(WebhookKind::Dingtalk, url, Some("SECtest"), samples::text("hi"));
        let sign = "aZLLrriXgn05YbwaGR7knYsLeJADjr9NwLaNNKpxh4g%3D";
        assert_eq!(*dingtalk.url.expose(), format!("{url}&timestamp={NOW}&sign={sign}"));
        let (_, feishu) = request(
            WebhookKind::Feishu,
            "https://example.com/",
            Some("test"),
            samples::text("hi"),
        );
        let head =
            r#"{"timestamp":"1700000000","sign":"eSJQnOl8XqPTMPHWz9e5IzeHS/tqoc68g2967ekIPmg=","msg_type":"text""#;
        assert!(feishu.starts_with(head), "{feishu}");
    }

    #[test]
    fn answers_are_judged_by_status_and_code() {
        let answer = |kind, status, body: &str| {
            judge(
                kind,
                &Response {
                    status,
                    retry_after: Some(7),
                    body: body.as_bytes().to_vec(),
                },
            )
        };
        assert_eq!(answer(WebhookKind::Json, 204, "{\"errcode\":1}"), Outcome::Delivered);
        assert_eq!(answer(WebhookKind::Slack, 200, "ok"), Outcome::Delivered);
        assert_eq!(
            answer(WebhookKind::Wecom, 200, r#"{"errcode":0,"errmsg":"ok"}"#),
            Outcome::Delivered
        );
        assert_eq!(answer(WebhookKind::Feishu, 200, r#"{"code":0}"#), Outcome::Delivered);
        let failed = |error: &str, retry_after, gone| Outcome::Failed {
            error: error.into(),
            retry_after,
            gone,
        };
        assert_eq!(answer(WebhookKind::Json, 302, ""), failed("status 302", Some(7), false));
        assert_eq!(answer(WebhookKind::Json, 410, ""), failed("status 410", Some(7), true));
        assert_eq!(
            answer(WebhookKind::Wecom, 200, r#"{"errcode":45009}"#),
            failed("code 45009", Some(60_000), false)
        );
        assert_eq!(
            answer(WebhookKind::Dingtalk, 200, r#"{"errcode":310000}"#),
            failed("code 310000", None, false)
        );
        for body in ["", "ok", "[]", r#"{"errcode":"0"}"#] {
            assert_eq!(
                answer(WebhookKind::Wecom, 200, body),
                Outcome::failed("an answer without a result"),
                "{body}"
            );
        }
    }
}
