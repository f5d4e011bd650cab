//! Where a webhook may point: checked when it is created, and once more at every delivery after resolution.

use std::net::IpAddr;

use url::{Host, Url};

use super::address::is_public;
use crate::auth::Random;
use crate::auth::signature::WebhookSecret;
use crate::domain::webhook::WebhookKind;

/// Bytes of an address, and of a robot's signing secret.
const URL_BYTES: usize = 2048;
const ROBOT_SECRET_BYTES: usize = 256;

/// Checks an address and answers it in its canonical form (`http://0x7f.1/` is `http://127.0.0.1/`).
///
/// # Errors
/// One English sentence that says what is wrong.
pub fn check_url(kind: WebhookKind, text: &str, allow_private: bool) -> Result<String, &'static str> {
    if text.len() > URL_BYTES {
        return Err("`url` must be at most 2048 bytes long.");
    }
    let url = Url::parse(text).map_err(|_| "`url` must be an absolute http or https address.")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("`url` must be an absolute http or https address.");
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err("`url` must carry neither credentials nor a fragment.");
    }
    let literal = match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        Some(Host::Domain(_)) => None,
        None => return Err("`url` must name a host."),
    };
    if !allow_private && literal.is_some_and(|address| !is_public(address)) {
        return Err("`url` points to a private address; the setting webhook-allow-private allows that.");
    }
    if !has_form_of(kind, &url) {
        return Err("`url` is not the address of such a robot.");
    }
    Ok(url.into())
}

/// Whether path and query look as the robot's documentation says. The host is free, for proxies.
fn has_form_of(kind: WebhookKind, url: &Url) -> bool {
    let parameter = |name| url.query_pairs().any(|(key, value)| key == name && !value.is_empty());
    let behind = |prefix| {
        url.path()
            .split(prefix)
            .nth(1)
            .is_some_and(|rest: &str| !rest.is_empty())
    };
    match kind {
        WebhookKind::Json => true,
        WebhookKind::Wecom => url.path().ends_with("/webhook/send") && parameter("key"),
        WebhookKind::Dingtalk => url.path().ends_with("/robot/send") && parameter("access_token"),
        WebhookKind::Feishu => behind("/bot/v2/hook/"),
        WebhookKind::Slack => behind("/services/"),
    }
}

/// The address as it may be shown: whoever knows a robot's address can write as the robot.
pub fn redact(kind: WebhookKind, url: &str) -> String {
    let secret_from = match kind {
        WebhookKind::Json => return url.to_owned(),
        WebhookKind::Wecom | WebhookKind::Dingtalk => url.find('?').map(|at| at + 1),
        WebhookKind::Feishu => url.find("/hook/").map(|at| at + "/hook/".len()),
        WebhookKind::Slack => url.find("/services/").map(|at| at + "/services/".len()),
    };
    let shown = secret_from.and_then(|at| url.get(..at)).unwrap_or_default();
    format!("{shown}***")
}

/// Checks a signing secret that the caller chose.
///
/// # Errors
/// One English sentence that says what is wrong.
pub fn check_secret(kind: WebhookKind, secret: &str) -> Result<(), &'static str> {
    let printable =
        (1..=ROBOT_SECRET_BYTES).contains(&secret.len()) && secret.bytes().all(|byte| byte.is_ascii_graphic());
    match kind {
        WebhookKind::Json if WebhookSecret::parse(secret).is_none() => {
            Err("`secret` must be `whsec_` and the base64 of 24 to 64 bytes.")
        }
        _ if !printable => Err("`secret` must be 1 to 256 printable characters."),
        _ => Ok(()),
    }
}

/// The secret of a webhook whose caller chose none. Robots hand out theirs themselves, or have none.
pub fn make_secret(kind: WebhookKind, random: &mut Random<'_>) -> Option<String> {
    (kind == WebhookKind::Json).then(|| WebhookSecret::generate(random).reveal())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROBOTS: [(WebhookKind, &str, &str); 4] = [
        (
            WebhookKind::Wecom,
            "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=SECRET",
            "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?***",
        ),
        (
            WebhookKind::Dingtalk,
            "https://oapi.dingtalk.com/robot/send?access_token=SECRET",
            "https://oapi.dingtalk.com/robot/send?***",
        ),
        (
            WebhookKind::Feishu,
            "https://open.feishu.cn/open-apis/bot/v2/hook/SECRET",
            "https://open.feishu.cn/open-apis/bot/v2/hook/***",
        ),
        (
            WebhookKind::Slack,
            "https://hooks.slack.com/services/T1/B1/SECRET",
            "https://hooks.slack.com/services/***",
        ),
    ];

    #[test]
    fn private_addresses_are_seen_through_every_spelling() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "１２７.0.0.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "10.1",
            "169.254.169.254",
            "0",
        ] {
            let url = format!("http://{host}:8080/hook");
            assert!(check_url(WebhookKind::Json, &url, false).is_err(), "{url}");
            assert!(check_url(WebhookKind::Json, &url, true).is_ok(), "{url}");
        }
        assert_eq!(
            check_url(WebhookKind::Json, "http://0x7f.1/a", true).as_deref(),
            Ok("http://127.0.0.1/a")
        );
    }

    #[test]
    fn only_plain_http_addresses_are_targets() {
        let long = format!("https://example.com/{}", "a".repeat(URL_BYTES));
        for bad in [
            "",
            "example.com",
            "/hook",
            "ftp://example.com/",
            "file:///etc/passwd",
            "gopher://example.com/",
            "http://",
            "https://user@example.com/",
            "https://:pw@example.com/",
            "https://example.com/#part",
            "http://300.1.1.1/",
            &long,
        ] {
            assert!(check_url(WebhookKind::Json, bad, true).is_err(), "{bad}");
        }
        assert_eq!(
            check_url(WebhookKind::Json, "https://EXAMPLE.com/hook?a=b", false).as_deref(),
            Ok("https://example.com/hook?a=b")
        );
    }

    #[test]
    fn robots_have_their_own_addresses_and_keep_them_secret() {
        for (kind, url, shown) in ROBOTS {
            assert_eq!(check_url(kind, url, false).as_deref(), Ok(url));
            assert_eq!(redact(kind, url), shown);
            assert!(check_url(kind, "https://example.com/hook", false).is_err(), "{kind:?}");
            assert!(check_url(kind, url.trim_end_matches("SECRET").trim_end_matches("T1/B1/"), false).is_err());
            assert!(!redact(kind, "https://example.com/other").contains("other"));
        }
    }

    #[test]
    fn secrets_fit_their_kind() {
        let made = make_secret(WebhookKind::Json, &mut |bytes: &mut [u8]| bytes.fill(7)).unwrap();
        assert_eq!(check_secret(WebhookKind::Json, &made), Ok(()));
        assert_eq!(make_secret(WebhookKind::Wecom, &mut |_: &mut [u8]| ()), None);
        assert!(check_secret(WebhookKind::Json, "SECabc").is_err());
        assert!(check_secret(WebhookKind::Dingtalk, "SECabc").is_ok());
        assert!(
            ["", "a b", "é"]
                .iter()
                .all(|bad| check_secret(WebhookKind::Feishu, bad).is_err())
        );
    }
}
