//! One request and its answer as the bytes of HTTP/1.1.

use serde_json::Value;

use super::failure::Failure;
use super::request::Request;
use crate::base::secret::Secret;

/// Fields an answer may have; ours have fewer.
const FIELDS: usize = 32;

/// The bytes of a request that asks to end the connection after its answer.
pub fn encode(request: &Request, query: &str, key: &Secret<String>) -> Vec<u8> {
    let method = if request.body.is_some() { "POST" } else { "GET" };
    let path = request.path;
    let body = request.body.as_ref().map(Value::to_string).unwrap_or_default();
    let mut text = format!("{method} {path}{query} HTTP/1.1\r\nHost: ringim\r\nConnection: close\r\n");
    text += &format!("Authorization: Bearer {}\r\n", key.expose());
    if !body.is_empty() {
        text += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    }
    text += "\r\n";
    text += &body;
    text.into_bytes()
}

/// The `data` of a whole answer, or why there is none.
pub fn decode(answer: &[u8]) -> Result<Value, Failure> {
    let garbled = || {
        Failure::new(
            "the server gave no answer that can be understood",
            "See its log, and whether it is of the same version",
        )
    };
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut head = httparse::Response::new(&mut fields);
    let Ok(httparse::Status::Complete(head_bytes)) = head.parse(answer) else {
        return Err(garbled());
    };
    let body: Value = serde_json::from_slice(&answer[head_bytes..]).map_err(|_| garbled())?;
    if head.code == Some(200) {
        return Ok(body["data"].clone());
    }
    match (body["message"].as_str(), body["error"].as_str()) {
        (Some(sentence), Some(slug)) => Err(Failure::refused(sentence, slug)),
        _ => Err(garbled()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn requests_are_plain_http() {
        let key = Secret::new("rk_1".to_owned());
        let get = String::from_utf8(encode(&Request::get("/api/admin/key/list"), "?limit=1", &key)).expect("text");
        assert!(get.starts_with("GET /api/admin/key/list?limit=1 HTTP/1.1\r\n"), "{get}");
        assert!(get.ends_with("Authorization: Bearer rk_1\r\n\r\n"), "{get}");
        let post = Request::post("/p", json!({"a": "é", "b": null}));
        let post = String::from_utf8(encode(&post, "", &key)).expect("text");
        assert!(post.ends_with("Content-Length: 10\r\n\r\n{\"a\":\"é\"}"), "{post}");
    }

    #[test]
    fn answers_are_data_or_a_failure_that_says_what_to_do() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 36\r\n\r\n{\"code\":200,\"message\":\"ok\",\"data\":[1]}";
        assert_eq!(decode(answer).expect("data"), json!([1]));
        let answer =
            b"HTTP/1.1 404 Not Found\r\n\r\n{\"code\":404,\"error\":\"user_not_found\",\"message\":\"Check it.\"}";
        let failure = decode(answer).expect_err("refused").to_string();
        assert_eq!(failure, "Check it. (user_not_found)");
        for garbled in [
            &b""[..],
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n<html>",
            b"\xff\xff",
        ] {
            assert!(decode(garbled).is_err(), "{garbled:?}");
        }
    }
}
