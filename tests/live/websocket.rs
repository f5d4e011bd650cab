//! The WebSocket as clients meet it: ways to sign in, faults of the protocol, faults of a request.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::{Message, WebSocket};

use crate::server::Home;

type Raw = WebSocket<TcpStream>;

/// Opens `/ws` with one more header field; answers the socket and the subprotocol that the server chose.
fn open(address: SocketAddr, path: &str, field: Option<(&'static str, String)>) -> (Raw, Option<String>) {
    let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
    if let Some((name, value)) = field {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(8))).unwrap();
    let (socket, response) = tungstenite::client(request, stream).unwrap();
    let chosen = response
        .headers()
        .get("Sec-WebSocket-Protocol")
        .map(|value| value.to_str().unwrap().to_owned());
    (socket, chosen)
}

fn next(socket: &mut Raw) -> Value {
    loop {
        match socket.read().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Close(frame) => panic!("closed: {frame:?}"),
            _ => {}
        }
    }
}

fn close_code(socket: &mut Raw) -> u16 {
    loop {
        if let Message::Close(frame) = socket.read().unwrap() {
            return frame.unwrap().code.into();
        }
    }
}

fn frame(opcode: OpCode, is_final: bool, payload: &[u8]) -> Frame {
    Frame::message(payload.to_vec(), opcode, is_final)
}

#[test]
fn every_way_to_sign_in() {
    let home = Home::new(&[]);
    let server = home.start();
    let token = server.api().register("alice").token;
    let bearer = format!("Bearer {token}");
    let (mut by_header, _) = open(home.address, "/ws", Some(("Authorization", bearer)));
    assert_eq!(next(&mut by_header)["type"], "hello");
    let protocols = format!("im.v1.json, bearer.{token}");
    let (mut by_protocol, chosen) = open(home.address, "/ws", Some(("Sec-WebSocket-Protocol", protocols)));
    assert_eq!(chosen.as_deref(), Some("im.v1.json"));
    assert_eq!(next(&mut by_protocol)["type"], "hello");
    let (mut by_query, _) = open(home.address, &format!("/ws?token={token}"), None);
    let hello = next(&mut by_query);
    assert_eq!(hello["data"]["userId"], "alice", "{hello}");
    for field in [
        "connectionId",
        "epoch",
        "serverTime",
        "pingMs",
        "maxFrame",
        "durability",
    ] {
        assert!(!hello["data"][field].is_null(), "{field} is missing in {hello}");
    }
    let (mut by_frame, _) = open(home.address, "/ws", None);
    let first = json!({"type": "auth", "reqId": "1", "data": {"token": token, "deviceId": "phone"}});
    by_frame.send(Message::text(first.to_string())).unwrap();
    assert_eq!(next(&mut by_frame)["type"], "hello");
    let connections = server.api().admin_get("/api/admin/connections");
    assert_eq!(connections["items"].as_array().unwrap().len(), 4);
    assert!(!home.log().contains(&token), "a token stands in the log");
}

#[test]
fn a_bad_token_is_told_inside_the_socket() {
    let home = Home::new(&[]);
    let _server = home.start();
    let (mut bad, _) = open(home.address, "/ws?token=nonsense", None);
    assert_eq!(next(&mut bad)["code"], 401);
    assert_eq!(close_code(&mut bad), 4501);
    let (mut other, _) = open(home.address, "/ws", None);
    other.send(Message::text(r#"{"type":"ping"}"#)).unwrap();
    assert_eq!(next(&mut other)["code"], 401);
    assert_eq!(close_code(&mut other), 4501);
    let (mut silent, _) = open(home.address, "/ws", None);
    assert_eq!(next(&mut silent)["code"], 401, "after five seconds of silence");
    assert_eq!(close_code(&mut silent), 4501);
}

#[test]
fn faults_of_the_protocol_close_with_their_code() {
    let home = Home::new(&["--max-frame-bytes", "64KiB"]);
    let server = home.start();
    let token = server.api().register("alice").token;
    let large = vec![b'x'; 65 * 1024];
    let faults: [(u16, Vec<Frame>); 6] = [
        (1003, vec![frame(OpCode::Data(Data::Binary), true, b"x")]),
        (1007, vec![frame(OpCode::Data(Data::Text), true, b"\xff\xfe")]),
        (1009, vec![frame(OpCode::Data(Data::Text), true, &large)]),
        (1002, vec![frame(OpCode::Data(Data::Continue), true, b"x")]),
        (
            1002,
            vec![
                frame(OpCode::Data(Data::Text), false, b"{"),
                frame(OpCode::Data(Data::Text), true, b"}"),
            ],
        ),
        (1002, vec![frame(OpCode::Data(Data::Reserved(3)), true, b"x")]),
    ];
    for (code, frames) in faults {
        let (mut socket, _) = open(home.address, &format!("/ws?token={token}"), None);
        next(&mut socket);
        for frame in frames {
            socket.send(Message::Frame(frame)).unwrap();
        }
        assert_eq!(close_code(&mut socket), code);
    }
}

#[test]
fn fragments_and_pings_are_understood() {
    let home = Home::new(&[]);
    let server = home.start();
    let token = server.api().register("alice").token;
    let (mut socket, _) = open(home.address, &format!("/ws?token={token}"), None);
    next(&mut socket);
    socket
        .send(Message::Frame(frame(OpCode::Data(Data::Text), false, br#"{"type":"#)))
        .unwrap();
    socket.send(Message::Ping(b"between".to_vec().into())).unwrap();
    socket
        .send(Message::Frame(frame(
            OpCode::Data(Data::Continue),
            true,
            br#""ping","reqId":"7"}"#,
        )))
        .unwrap();
    assert_eq!(socket.read().unwrap(), Message::Pong(b"between".to_vec().into()));
    let pong = next(&mut socket);
    assert_eq!((&pong["type"], &pong["reqId"]), (&json!("pong"), &json!("7")));
    socket.close(None).unwrap();
    assert!(
        matches!(socket.read().unwrap(), Message::Close(_)),
        "a close is answered"
    );
}

#[test]
fn a_bad_request_gets_its_error_and_nothing_else_is_disturbed() {
    let home = Home::new(&[]);
    let server = home.start();
    let api = server.api();
    let accounts = api.import(&["alice", "bob"].map(String::from));
    let (mut socket, _) = open(home.address, &format!("/ws?token={}", accounts[0].token), None);
    next(&mut socket);
    let message = |change: Value| {
        let mut data = json!({"id": "m", "toId": "bob", "chatType": "single", "contentType": "text", "content": "x"});
        data.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        json!({"type": "message", "reqId": "r", "data": data}).to_string()
    };
    let deep = format!(
        r#"{{"type":"message","data":{{"content":{}1{}}}}}"#,
        "[".repeat(40),
        "]".repeat(40)
    );
    let cases: [(String, u16, &str); 12] = [
        ("not json".into(), 400, "invalid_json"),
        ("[]".into(), 400, "invalid_json"),
        (r#"{"type":"ping","type":"ping"}"#.into(), 400, "invalid_json"),
        (deep, 400, "invalid_json"),
        (r#"{"data":{}}"#.into(), 400, "invalid_type"),
        (r#"{"type":"fly"}"#.into(), 400, "invalid_type"),
        (message(json!({"toId": 5})), 400, "invalid_toId"),
        (message(json!({"chatType": "crowd"})), 400, "invalid_chatType"),
        (message(json!({"contentType": "Text"})), 400, "invalid_contentType"),
        (message(json!({"toId": "nobody"})), 404, "user_not_found"),
        (message(json!({"fromId": "bob"})), 403, "sender_mismatch"),
        (
            message(json!({"content": "x".repeat(70_000)})),
            413,
            "content_too_large",
        ),
    ];
    for (text, code, slug) in cases {
        socket.send(Message::text(text.clone())).unwrap();
        let error = next(&mut socket);
        assert_eq!(
            (&error["type"], &error["code"], &error["error"]),
            (&json!("error"), &json!(code), &json!(slug)),
            "{text:.80}"
        );
        assert!(error["message"].as_str().is_some_and(|sentence| !sentence.is_empty()));
    }
    socket
        .send(Message::text(message(
            json!({"content": {"n": 1.0, "big": 12345678901234567890u64}}),
        )))
        .unwrap();
    assert_eq!(next(&mut socket)["type"], "ack", "the connection is as good as before");
    let stored = api.whole_history(&accounts[1].token, "single", "alice");
    assert_eq!(
        stored[0]["content"].to_string(),
        r#"{"n":1.0,"big":12345678901234567890}"#
    );
}
