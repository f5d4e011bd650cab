//! Signatures on outgoing webhooks: Standard Webhooks 1.0, and those of the DingTalk and Feishu robots.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Random, draw};
use crate::base::secret::Secret;

const SECRET_PREFIX: &str = "whsec_";

/// Length of the key bytes the specification allows.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The key of one webhook, written `whsec_` + base64.
#[derive(Debug, Clone)]
pub struct WebhookSecret(Secret<Vec<u8>>);

impl WebhookSecret {
    pub fn generate(random: &mut Random<'_>) -> Self {
        Self(Secret::new(draw::<32>(random).to_vec()))
    }

    /// The key behind its text; `None` unless it is `whsec_` and the base64 of 24 to 64 bytes.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.strip_prefix(SECRET_PREFIX)?).ok()?;
        SECRET_BYTES.contains(&bytes.len()).then(|| Self(Secret::new(bytes)))
    }

    /// The text to hand to the receiver, once.
    pub fn reveal(&self) -> String {
        format!("{SECRET_PREFIX}{}", STANDARD.encode(self.0.expose()))
    }

    /// The `webhook-signature` header of a delivery; `timestamp` in Unix seconds, as in `webhook-timestamp`.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let head = format!("{id}.{timestamp}.");
        format!("v1,{}", mac(self.0.expose(), &[head.as_bytes(), body]))
    }
}

/// DingTalk's `sign`, not yet percent-encoded; `timestamp_ms` as in the `timestamp` query parameter.
pub fn dingtalk(secret: &str, timestamp_ms: i64) -> String {
    let message = format!("{timestamp_ms}\n{secret}");
    mac(secret.as_bytes(), &[message.as_bytes()])
}

/// Feishu's `sign`; `timestamp` in Unix seconds. The text is the key and the message is empty.
pub fn feishu(secret: &str, timestamp: i64) -> String {
    mac(format!("{timestamp}\n{secret}").as_bytes(), &[])
}

/// Base64 of HMAC-SHA256 over the parts, one after the other.
fn mac(key: &[u8], parts: &[&[u8]]) -> String {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    parts.iter().for_each(|part| context.update(part));
    STANDARD.encode(context.sign())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::test_random;

    #[test]
    fn standard_webhooks_matches_the_reference_vector() {
        let key: Vec<u8> = (0..0x18).collect();
        let text = format!("whsec_{}", STANDARD.encode(key));
        let secret = WebhookSecret::parse(&text).expect("24 bytes are allowed");
        assert_eq!(
            secret.sign("msg_1", 1_700_000_000, b"{}"),
            "v1,ehZEL34p4RtokJ76Mky/c6YT0NkxG/H/gdzahhXIyv0="
        );
    }

    #[test]
    fn robots_match_their_reference_vectors() {
        assert_eq!(
            dingtalk("SECtest", 1_700_000_000_000),
            "aZLLrriXgn05YbwaGR7knYsLeJADjr9NwLaNNKpxh4g="
        );
        assert_eq!(
            feishu("test", 1_700_000_000),
            "eSJQnOl8XqPTMPHWz9e5IzeHS/tqoc68g2967ekIPmg="
        );
    }

    #[test]
    fn a_secret_survives_its_text_form_and_hides_in_debug() {
        let secret = WebhookSecret::generate(&mut test_random());
        let text = secret.reveal();
        let parsed = WebhookSecret::parse(&text).expect("our own text parses");
        assert_eq!(parsed.sign("a", 1, b"x"), secret.sign("a", 1, b"x"));
        assert_eq!(format!("{secret:?}"), "WebhookSecret(***)");
    }

    #[test]
    fn texts_that_are_no_secret_are_refused() {
        let of = |length| format!("whsec_{}", STANDARD.encode(vec![1; length]));
        assert!(WebhookSecret::parse(&of(24)).is_some() && WebhookSecret::parse(&of(64)).is_some());
        for text in ["", "whsec_", "whsec_!!!!", &of(23), &of(65), &of(32)[6..]] {
            assert!(WebhookSecret::parse(text).is_none(), "{text}");
        }
    }
}
