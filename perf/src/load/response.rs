//! HTTP responses as this server writes them: a status line, fields, a body of `Content-Length` bytes.

use memchr::memmem;

use crate::error::Result;

/// Hands over the body of every complete response and tells how many bytes they took.
pub fn decode_all(input: &[u8], mut on_body: impl FnMut(&[u8])) -> Result<usize> {
    let mut consumed = 0;
    while let Some(end) = memmem::find(&input[consumed..], b"\r\n\r\n") {
        let body = consumed + end + 4;
        let length = content_length(&input[consumed..body])?;
        let Some(content) = input.get(body..body + length) else {
            break;
        };
        on_body(content);
        consumed = body + length;
    }
    Ok(consumed)
}

/// Tells how many bytes the answer to a WebSocket handshake takes; 0 while it is not complete.
pub fn upgraded(input: &[u8]) -> Result<usize> {
    let Some(end) = memmem::find(input, b"\r\n\r\n") else {
        return Ok(0);
    };
    match input.starts_with(b"HTTP/1.1 101 ") {
        true => Ok(end + 4),
        false => Err(format!("no WebSocket: {}", String::from_utf8_lossy(input)).into()),
    }
}

fn content_length(head: &[u8]) -> Result<usize> {
    for line in head.split(|&byte| byte == b'\n') {
        let name = line.get(..15).unwrap_or_default();
        if name.eq_ignore_ascii_case(b"content-length:") {
            return Ok(std::str::from_utf8(&line[15..])?.trim().parse()?);
        }
    }
    Err(format!("a response without a length: {}", String::from_utf8_lossy(head)).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_responses_are_taken_and_the_rest_is_left() {
        let input = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nabHTTP/1.1 200 OK\r\nContent-Length:3\r\n\r\ncdeHTTP";
        let mut bodies = Vec::new();
        let consumed = decode_all(input, |body| bodies.push(body.to_vec())).unwrap();
        assert_eq!(bodies, [b"ab".to_vec(), b"cde".to_vec()]);
        assert_eq!(consumed, input.len() - 4);
        for cut in 0..40 {
            assert_eq!(
                decode_all(&input[..cut], |_| panic!("not complete at {cut}")).unwrap(),
                0
            );
        }
        assert!(decode_all(b"HTTP/1.1 200 OK\r\n\r\n", |_| ()).is_err());
    }

    #[test]
    fn an_upgrade_is_awaited_and_nothing_else_is_taken_for_one() {
        let answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nframe";
        assert_eq!(upgraded(answer).unwrap(), answer.len() - 5);
        assert_eq!(upgraded(&answer[..40]).unwrap(), 0);
        assert!(upgraded(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").is_err());
    }
}
