//! Clients that share no code with the server: HTTP by ureq, WebSocket by tungstenite.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

use crate::server::ADMIN_KEY;

/// The REST API of one server.
#[derive(Clone)]
pub struct Api {
    agent: ureq::Agent,
    address: SocketAddr,
}

/// An answer: its status and its JSON body.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub body: Value,
}

impl Response {
    /// The `data` of a success.
    #[track_caller]
    pub fn data(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        assert_eq!(self.body["code"], 200, "{}", self.body);
        self.body["data"].clone()
    }

    /// The slug of a failure, whose code must equal its status.
    #[track_caller]
    pub fn error(self) -> (u16, String) {
        assert_eq!(self.body["code"], self.status, "{}", self.body);
        (self.status, self.body["error"].as_str().unwrap_or_default().to_owned())
    }
}

/// A registered user and its token.
#[derive(Clone, Debug)]
pub struct Account {
    pub id: String,
    pub token: String,
}

impl Api {
    pub fn new(address: SocketAddr) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(15)))
            .build();
        Self {
            agent: config.into(),
            address,
        }
    }

    pub fn is_ready(&self) -> bool {
        let url = format!("http://{}/readyz", self.address);
        self.agent
            .get(&url)
            .call()
            .is_ok_and(|response| response.status() == 200)
    }

    pub fn get(&self, path: &str, bearer: &str) -> Response {
        self.try_get(path, bearer).unwrap()
    }

    pub fn try_get(&self, path: &str, bearer: &str) -> Result<Response, ureq::Error> {
        let request = self.agent.get(format!("http://{}{path}", self.address));
        read(request.header("Authorization", format!("Bearer {bearer}")).call()?)
    }

    pub fn post(&self, path: &str, bearer: &str, body: &Value) -> Response {
        self.try_post(path, bearer, body).unwrap()
    }

    pub fn try_post(&self, path: &str, bearer: &str, body: &Value) -> Result<Response, ureq::Error> {
        let request = self.agent.post(format!("http://{}{path}", self.address));
        let request = request.header("Content-Type", "application/json");
        read(
            request
                .header("Authorization", format!("Bearer {bearer}"))
                .send(body.to_string())?,
        )
    }

    pub fn admin_get(&self, path: &str) -> Value {
        self.get(path, ADMIN_KEY).data()
    }

    pub fn admin_post(&self, path: &str, body: &Value) -> Value {
        self.post(path, ADMIN_KEY, body).data()
    }

    pub fn register(&self, username: &str) -> Account {
        let data = self
            .post(
                "/api/register",
                "",
                &json!({"username": username, "password": "password123"}),
            )
            .data();
        Account {
            id: username.into(),
            token: data["token"].as_str().unwrap().into(),
        }
    }

    /// Creates users without passwords and mints their tokens.
    pub fn import(&self, names: &[String]) -> Vec<Account> {
        let users: Vec<Value> = names.iter().map(|name| json!({"id": name, "username": name})).collect();
        self.admin_post("/api/admin/user/import", &json!({ "users": users }));
        let minted = self.admin_post("/api/admin/user/token", &json!({ "userIds": names }));
        let account = |item: &Value| Account {
            id: item["userId"].as_str().unwrap().into(),
            token: item["token"].as_str().unwrap().into(),
        };
        minted["items"].as_array().unwrap().iter().map(account).collect()
    }

    /// All messages of a conversation in order, by pages of the history.
    pub fn whole_history(&self, token: &str, chat_type: &str, peer: &str) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let after = all.last().map_or(0, |message| message["seq"].as_i64().unwrap());
            let path = format!("/api/message/history?chatType={chat_type}&peerId={peer}&after={after}&limit=100");
            let page = self.get(&path, token).data();
            all.extend(page["items"].as_array().unwrap().iter().cloned());
            if page["hasMore"] == false {
                return all;
            }
        }
    }

    /// Opens a WebSocket with the token in the header and waits for its `hello`.
    pub fn connect(&self, token: &str) -> Socket {
        self.try_connect(token).unwrap()
    }

    pub fn try_connect(&self, token: &str) -> Result<Socket, tungstenite::Error> {
        let mut request = format!("ws://{}/ws", self.address).into_client_request()?;
        request
            .headers_mut()
            .insert("Authorization", format!("Bearer {token}").parse().unwrap());
        let stream = TcpStream::connect(self.address).map_err(tungstenite::Error::Io)?;
        stream.set_nodelay(true).ok();
        stream.set_read_timeout(Some(Duration::from_secs(15))).ok();
        let (socket, _) = tungstenite::client(request, stream).map_err(|error| match error {
            tungstenite::HandshakeError::Failure(error) => error,
            tungstenite::HandshakeError::Interrupted(_) => tungstenite::Error::ConnectionClosed,
        })?;
        let mut socket = Socket {
            socket,
            pushed: Vec::new(),
            requests: 0,
        };
        let hello = socket.try_next()?;
        assert_eq!(hello["type"], "hello", "{hello}");
        Ok(socket)
    }
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> Result<Response, ureq::Error> {
    let status = response.status().as_u16();
    let text = response.body_mut().read_to_string()?;
    Ok(Response {
        status,
        body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
    })
}

/// One WebSocket connection.
pub struct Socket {
    socket: WebSocket<TcpStream>,
    pushed: Vec<Value>,
    requests: u64,
}

impl Socket {
    /// Sends one frame without waiting.
    pub fn send(&mut self, frame: &Value) -> Result<(), tungstenite::Error> {
        self.socket.send(Message::text(frame.to_string()))
    }

    /// The next JSON frame.
    pub fn try_next(&mut self) -> Result<Value, tungstenite::Error> {
        loop {
            match self.socket.read()? {
                Message::Text(text) => return Ok(serde_json::from_str(&text).unwrap()),
                Message::Close(_) => return Err(tungstenite::Error::ConnectionClosed),
                _ => {}
            }
        }
    }

    /// Sends a request and returns its answer; pushes that come before it are kept.
    #[track_caller]
    pub fn request(&mut self, kind: &str, data: Value) -> Value {
        self.requests += 1;
        let id = format!("r{}", self.requests);
        self.send(&json!({"type": kind, "reqId": id, "data": data})).unwrap();
        loop {
            let frame = self.try_next().unwrap();
            if frame["reqId"] == id.as_str() {
                return frame;
            }
            self.pushed.push(frame);
        }
    }

    /// Sends a message and returns the `data` of its ack.
    #[track_caller]
    pub fn say(&mut self, chat_type: &str, to: &str, id: &str, content: &str) -> Value {
        let message = json!({"id": id, "toId": to, "chatType": chat_type, "contentType": "text", "content": content});
        let ack = self.request("message", message);
        assert_eq!(ack["type"], "ack", "{ack}");
        ack["data"].clone()
    }

    /// The next push of a type, in order of arrival.
    #[track_caller]
    pub fn pushed(&mut self, kind: &str) -> Value {
        if let Some(at) = self.pushed.iter().position(|frame| frame["type"] == kind) {
            return self.pushed.remove(at)["data"].clone();
        }
        loop {
            let frame = self
                .try_next()
                .unwrap_or_else(|error| panic!("no {kind} came: {error}"));
            if frame["type"] == kind {
                return frame["data"].clone();
            }
            self.pushed.push(frame);
        }
    }

    /// Reads until the server closes, and returns the close code.
    pub fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.socket.read() {
                Ok(Message::Close(frame)) => return frame.map(|frame| frame.code.into()),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }
}
