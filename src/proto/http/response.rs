//! Responses as bytes.

/// Tells a waiting client to send its body (RFC 9110 10.1.1).
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A final response with everything but its date.
#[derive(Debug, Clone, Copy)]
pub struct Response<'a> {
    /// A final status code, 200 or above.
    pub status: u16,
    /// `Content-Type`, for a response with a body.
    pub content_type: Option<&'a str>,
    /// Further fields, in groups. Values come from this server and hold no line ends.
    pub fields: &'a [&'a [(&'a str, &'a str)]],
    /// The body in pieces that follow each other, empty for 204.
    pub body: &'a [&'a [u8]],
    /// Whether the connection stays open for further requests.
    pub keep_alive: bool,
    /// Whether the request was a HEAD: all fields are sent as for GET, the body is not (RFC 9110 9.3.2).
    pub head_only: bool,
}

impl Response<'_> {
    /// Appends the response to `out`. `date` is the current time as an IMF-fixdate (RFC 9110 5.6.7).
    pub fn write(&self, date: &[u8], out: &mut Vec<u8>) {
        let length = self.body.iter().map(|piece| piece.len()).sum();
        out.reserve(256 + length);
        write_status_line(self.status, out);
        write_field("Date", date, out);
        if let Some(content_type) = self.content_type {
            write_field("Content-Type", content_type.as_bytes(), out);
        }
        // A 204 has no content and must not state its length (RFC 9110 8.6).
        if self.status != 204 {
            out.extend_from_slice(b"Content-Length: ");
            write_number(length, out);
            out.extend_from_slice(b"\r\n");
        }
        write_field(
            "Connection",
            if self.keep_alive { b"keep-alive" } else { b"close" },
            out,
        );
        for (name, value) in self.fields.iter().copied().flatten() {
            write_field(name, value.as_bytes(), out);
        }
        out.extend_from_slice(b"\r\n");
        if !self.head_only && self.status != 204 {
            self.body.iter().for_each(|piece| out.extend_from_slice(piece));
        }
    }
}

/// Appends the status line of an HTTP/1.1 response.
pub(super) fn write_status_line(status: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    write_number(usize::from(status), out);
    out.push(b' ');
    out.extend_from_slice(reason(status).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends one field line.
pub(super) fn write_field(name: &str, value: &[u8], out: &mut Vec<u8>) {
    debug_assert!(
        !value.iter().any(|byte| b"\r\n\0".contains(byte)),
        "a field value must fit its line"
    );
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn write_number(number: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// The reason phrase of the status codes this server uses; it may be empty (RFC 9112 4).
fn reason(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        200 => "OK",
        204 => "No Content",
        206 => "Partial Content",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &[u8] = b"Sun, 06 Nov 1994 08:49:37 GMT";

    const OK: Response<'_> = Response {
        status: 200,
        content_type: Some("application/json"),
        fields: &[&[("Allow", "GET")], &[("Vary", "Origin")]],
        body: &[b"{", b"}"],
        keep_alive: true,
        head_only: false,
    };

    fn written(response: Response<'_>) -> String {
        let mut out = Vec::new();
        response.write(DATE, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_response_is_written_in_full() {
        assert_eq!(
            written(OK),
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: application/json\r\n\
             Content-Length: 2\r\nConnection: keep-alive\r\nAllow: GET\r\nVary: Origin\r\n\r\n{}"
        );
    }

    #[test]
    fn head_has_the_length_and_no_body() {
        let response = written(Response {
            head_only: true,
            keep_alive: false,
            ..OK
        });
        assert!(response.contains("Content-Length: 2\r\nConnection: close\r\n"));
        assert!(response.ends_with("\r\n\r\n"));
    }

    #[test]
    fn no_content_states_no_length() {
        let response = written(Response {
            status: 204,
            content_type: None,
            fields: &[],
            body: &[],
            ..OK
        });
        assert!(!response.contains("Content-"));
    }

    #[test]
    fn every_fault_has_a_reason() {
        for status in [400, 413, 415, 417, 431, 505] {
            assert_ne!(reason(status), "");
        }
    }
}
