//! The head of a request: request line and fields.

use std::mem::MaybeUninit;

use super::framing::{FramingFields, Verdict};
use super::{Fault, Fields, Limits};

/// A request method (RFC 9110 9). Methods are case-sensitive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
    Connect,
    Trace,
    /// Any other token: not implemented (501), where a known method is merely not allowed (405).
    Other,
}

impl Method {
    fn from_token(token: &str) -> Self {
        match token {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "PATCH" => Method::Patch,
            "DELETE" => Method::Delete,
            "OPTIONS" => Method::Options,
            "CONNECT" => Method::Connect,
            "TRACE" => Method::Trace,
            _ => Method::Other,
        }
    }
}

/// The protocol version of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// HTTP/1.0: one request per connection unless the client asks otherwise.
    Http10,
    /// HTTP/1.1.
    Http11,
}

/// A complete and checked head.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
    pub(super) version: Version,
    pub(super) fields: Fields<'a>,
    pub(super) verdict: Verdict,
}

impl<'a> Head<'a> {
    /// Parses exactly one head, as delimited by [`super::scan::HeadScan`].
    ///
    /// # Errors
    /// The first rule the head breaks.
    pub(super) fn parse(head: &'a [u8], limits: &Limits) -> Result<Self, Fault> {
        let head = head.strip_prefix(b"\r\n").unwrap_or(head);
        let mut room = [const { MaybeUninit::uninit() }; Limits::MAX_FIELDS];
        let room = &mut room[..limits.fields.min(Limits::MAX_FIELDS)];
        let mut parsed = httparse::Request::new(&mut []);
        match parsed.parse_with_uninit_headers(head, room) {
            Ok(httparse::Status::Complete(length)) if length == head.len() => {}
            Ok(_) => return Err(Fault::InvalidRequestLine),
            Err(error) => return Err(fault(head, error)),
        }
        let (Some(method), Some(target), Some(minor)) = (parsed.method, parsed.path, parsed.version) else {
            return Err(Fault::InvalidRequestLine);
        };
        let method = Method::from_token(method);
        let version = if minor == 0 { Version::Http10 } else { Version::Http11 };
        let (path, query) = split_target(method, target)?;
        let mut framing = FramingFields::default();
        for field in parsed.headers.iter() {
            framing.add(field.name, field.value)?;
        }
        let verdict = framing.verdict(version, limits)?;
        Ok(Self {
            method,
            path,
            query,
            version,
            fields: Fields::new(field_lines(head)),
            verdict,
        })
    }
}

/// Path and query of a target in origin form, or `*` for OPTIONS (RFC 9112 3.2).
///
/// Characters beyond ASCII are let through where they are UTF-8, as people type them into curl.
fn split_target(method: Method, target: &str) -> Result<(&str, Option<&str>), Fault> {
    let asterisk = target == "*" && method == Method::Options;
    if !asterisk && !target.starts_with('/') || target.contains('#') {
        return Err(Fault::InvalidTarget);
    }
    Ok(match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    })
}

/// The lines between the request line and the empty line of a parsed head.
fn field_lines(head: &[u8]) -> &[u8] {
    let start = memchr::memchr(b'\n', head).map_or(head.len(), |line_feed| line_feed + 1);
    head[start..].strip_suffix(b"\r\n").unwrap_or_default()
}

/// Says more precisely than httparse which rule the head breaks.
#[cold]
fn fault(head: &[u8], error: httparse::Error) -> Fault {
    if head.contains(&0) {
        return Fault::NulByte;
    }
    if memchr::memchr_iter(b'\r', head).any(|position| head.get(position + 1) != Some(&b'\n')) {
        return Fault::BareCarriageReturn;
    }
    match error {
        httparse::Error::TooManyHeaders => Fault::TooManyFields,
        httparse::Error::HeaderName => name_fault(head),
        httparse::Error::HeaderValue => Fault::InvalidFieldValue,
        httparse::Error::Version => version_fault(head),
        _ => Fault::InvalidRequestLine,
    }
}

fn name_fault(head: &[u8]) -> Fault {
    for line in field_lines(head).split(|&byte| byte == b'\n') {
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            return Fault::ObsoleteFolding;
        }
        let name = &line[..memchr::memchr(b':', line).unwrap_or(0)];
        if name.ends_with(b" ") || name.ends_with(b"\t") {
            return Fault::SpaceBeforeColon;
        }
    }
    Fault::InvalidFieldName
}

/// Tells a version this server does not speak from a request line that has none.
fn version_fault(head: &[u8]) -> Fault {
    let line = head.split(|&byte| byte == b'\r').next().unwrap_or_default();
    match line.split(|&byte| byte == b' ').nth(2) {
        Some([b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9']) => Fault::UnsupportedVersion,
        _ => Fault::InvalidRequestLine,
    }
}
