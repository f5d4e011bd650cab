//! Calls targets over HTTP: no redirects, no proxies, a deadline, and only addresses that may be called.

use std::io;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use ureq::http::{HeaderMap, Uri, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error, config::Config};

use crate::api::webhook::address::is_public;
use crate::api::webhook::request::{Request, Response};
use crate::domain::id::Timestamp;

/// The whole of one attempt, from resolution to the end of the answer.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Bytes of an answer that are read. Nobody ever sees them.
const ANSWER_BYTES: u64 = 64 * 1024;

/// Why an address was not called.
const PRIVATE_ADDRESS: &str = "private address";

/// Calls targets; a copy shares the open connections.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
}

impl Client {
    /// A client that calls private addresses only if that is allowed.
    pub fn new(allow_private: bool) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(provider)
            .root_certs(RootCerts::WebPki);
        let config = Config::builder()
            .tls_config(tls.build())
            .timeout_global(Some(TIMEOUT))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .proxy(None)
            .user_agent(concat!("RingIM/", env!("CARGO_PKG_VERSION")))
            .accept("*/*");
        let resolver = CheckedResolver {
            inner: DefaultResolver::default(),
            allow_private,
        };
        Self {
            agent: Agent::with_parts(config.build(), DefaultConnector::default(), resolver),
        }
    }

    /// Makes one attempt.
    ///
    /// # Errors
    /// A short reason, without anything that the target said.
    pub fn post(&self, request: &Request, now: Timestamp) -> Result<Response, &'static str> {
        let post = self.agent.post(request.url.expose()).content_type("application/json");
        let post = request
            .headers
            .iter()
            .fold(post, |post, (name, value)| post.header(*name, value));
        let answer = post.send(&request.body).map_err(|error| reason(&error))?;
        let status = answer.status().as_u16();
        let retry_after = retry_after(answer.headers(), now);
        let mut body = answer.into_body();
        // An answer that is too long or breaks off is as good as none: its status counts.
        let body = body.with_config().limit(ANSWER_BYTES).read_to_vec().unwrap_or_default();
        Ok(Response {
            status,
            retry_after,
            body,
        })
    }
}

fn reason(error: &Error) -> &'static str {
    match error {
        Error::Timeout(_) => "timeout",
        Error::HostNotFound => "host not found",
        Error::Tls(_) | Error::Rustls(_) => "TLS failed",
        Error::Io(error) if error.to_string() == PRIVATE_ADDRESS => PRIVATE_ADDRESS,
        Error::Io(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused => "connection refused",
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "timeout",
            io::ErrorKind::InvalidData => "TLS failed",
            _ => "connection failed",
        },
        Error::ConnectionFailed => "connection failed",
        Error::Http(_) | Error::BadUri(_) => "bad address",
        _ => "bad answer",
    }
}

/// `Retry-After` as milliseconds from now: seconds, or a date (RFC 9110 section 10.2.3).
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Timestamp::from(seconds) * 1000);
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let at = i64::try_from(date.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()?;
    Some(at.saturating_sub(now).max(0))
}

/// Resolves a name once, and refuses it when any of its addresses may not be called. The connection goes to
/// the addresses that were checked, so a name that changes its mind in between gains nothing.
#[derive(Debug)]
struct CheckedResolver {
    inner: DefaultResolver,
    allow_private: bool,
}

impl Resolver for CheckedResolver {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let resolved = self.inner.resolve(uri, config, timeout).map_err(|error| match error {
            Error::Io(_) => Error::HostNotFound,
            other => other,
        })?;
        if !self.allow_private && resolved.iter().any(|address| !is_public(address.ip())) {
            return Err(Error::Io(io::Error::new(
                io::ErrorKind::PermissionDenied,
                PRIVATE_ADDRESS,
            )));
        }
        Ok(resolved)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;
    use crate::base::secret::Secret;

    fn call(client: &Client, url: &str) -> Result<u16, &'static str> {
        let request = Request {
            url: Secret::new(url.to_owned()),
            headers: Vec::new(),
            body: b"{}".to_vec(),
        };
        client.post(&request, 0).map(|response| response.status)
    }

    #[test]
    fn no_spelling_of_a_private_address_is_called() {
        let client = Client::new(false);
        for host in [
            "127.0.0.1",
            "localhost",
            "LOCALHOST.",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "0.0.0.0",
            "169.254.169.254",
            "10.0.0.1",
            "[fe80::1]",
            "[64:ff9b::7f00:1]",
        ] {
            let refused = call(&client, &format!("http://{host}:9/")).expect_err("nothing may be called");
            assert!(
                ["private address", "host not found", "bad address"].contains(&refused),
                "{host}: {refused}"
            );
        }
        assert_eq!(call(&client, "http://localhost:9/"), Err("private address"));
        assert_eq!(call(&client, "http://2130706433:9/"), Err("private address"));
    }

    #[test]
    fn faults_have_short_reasons() {
        let client = Client::new(true);
        assert_eq!(call(&client, "http://127.0.0.1:9/"), Err("connection refused"));
        assert_eq!(call(&client, "ftp://127.0.0.1/"), Err("bad address"));
        assert_eq!(call(&client, "not an address"), Err("bad address"));
    }

    #[test]
    fn a_target_that_speaks_no_tls_is_refused() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let peer = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                .unwrap();
            assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
        });
        assert_eq!(
            call(&Client::new(true), &format!("https://{address}/")),
            Err("TLS failed")
        );
        peer.join().unwrap();
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let after = |text: &str| {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, text.parse().unwrap())]);
            retry_after(&headers, 784_111_777_000)
        };
        assert_eq!(after("120"), Some(120_000));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:47 GMT"), Some(10_000));
        assert_eq!(after("Sat, 06 Nov 1993 08:49:47 GMT"), Some(0));
        assert!(
            ["", "-1", "soon", "99999999999"]
                .iter()
                .all(|text| after(text).is_none())
        );
    }
}
