//! WebSockets: a task that reads and one that writes.

use axum::extract::State;
use axum::extract::ws::{Message as WsMessage, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::Response;
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::hub::Outlet;
use crate::message::{Failure, Frame, Hello, NewMessage};
use crate::refusal::{self, Refusal};
use crate::store::{Asker, Job};
use crate::{App, MAX_BYTES, rest};

/// Bytes of each connection's read buffer; the library's default of 128 KiB makes idle connections expensive.
const READ_BUFFER: usize = 4096;

/// What a client sends.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Request {
    #[serde(rename_all = "camelCase")]
    Message {
        req_id: Option<String>,
        data: NewMessage,
    },
    Ping,
}

pub async fn upgrade(
    State(app): State<App>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Refusal> {
    let user = app.tokens.user(&headers)?;
    let upgrade = upgrade.read_buffer_size(READ_BUFFER).max_message_size(MAX_BYTES);
    Ok(upgrade.on_upgrade(move |socket| session(app, user, socket)))
}

async fn session(app: App, user: String, socket: WebSocket) {
    let (sink, mut stream) = socket.split();
    let (frames, queue) = unbounded_channel();
    let writing = tokio::spawn(write(sink, queue));
    let outlet = app.hub.connect(&user, frames);
    let data = Hello {
        user_id: &user,
        durability: "full",
    };
    outlet.send(&Frame::Hello { data });
    while let Some(Ok(frame)) = stream.next().await {
        let text = match frame {
            WsMessage::Text(text) => text,
            WsMessage::Ping(_) | WsMessage::Pong(_) => continue,
            WsMessage::Binary(_) | WsMessage::Close(_) => break,
        };
        if let Err(refusal) = receive(&app, &user, &outlet, &text).await {
            outlet.send(&Frame::Error(Failure::new(refusal, None, None)));
        }
    }
    app.hub.disconnect(&user, &outlet);
    writing.abort();
}

async fn receive(app: &App, user: &str, outlet: &Outlet, text: &str) -> Result<(), Refusal> {
    let (req_id, data) = match serde_json::from_str(text).map_err(|_| refusal::INVALID)? {
        Request::Message { req_id, data } => (req_id, data),
        Request::Ping => {
            outlet.send(&Frame::Pong);
            return Ok(());
        }
    };
    if let Err(refusal) = rest::check(app, user, &data) {
        let failure = Failure::new(refusal, req_id.as_deref(), Some(&data.id));
        outlet.send(&Frame::Error(failure));
        return Ok(());
    }
    let job = Job {
        from: user.to_owned(),
        message: data,
        asker: Asker::Socket {
            outlet: outlet.clone(),
            request: req_id,
        },
    };
    app.jobs.send(job).await.map_err(|_| refusal::FAILED)
}

/// Writes what is queued, all that waits in one go.
async fn write(mut sink: SplitSink<WebSocket, WsMessage>, mut queue: UnboundedReceiver<Utf8Bytes>) {
    let mut frames = Vec::new();
    while queue.recv_many(&mut frames, 64).await > 0 {
        for frame in frames.drain(..) {
            if sink.feed(WsMessage::Text(frame)).await.is_err() {
                return;
            }
        }
        if sink.flush().await.is_err() {
            return;
        }
    }
}
