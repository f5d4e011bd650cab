//! Requests of users.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Serialize;
use tokio::sync::oneshot;

use crate::App;
use crate::message::{ChatType, NewMessage, Receipt};
use crate::refusal::{self, Refusal};
use crate::store::{Asker, Job};

/// The body of a successful answer.
#[derive(Serialize)]
pub struct Success<T> {
    code: u16,
    message: &'static str,
    data: T,
}

pub fn ok<T>(data: T) -> Json<Success<T>> {
    Json(Success {
        code: 200,
        message: "ok",
        data,
    })
}

pub async fn health() -> Json<Success<()>> {
    ok(())
}

pub async fn send(
    State(app): State<App>,
    headers: HeaderMap,
    Json(message): Json<NewMessage>,
) -> Result<Json<Success<Receipt>>, Refusal> {
    let from = app.tokens.user(&headers)?;
    check(&app, &from, &message)?;
    let (asker, answer) = oneshot::channel();
    let job = Job {
        from,
        message,
        asker: Asker::Http(asker),
    };
    app.jobs.send(job).await.map_err(|_| refusal::FAILED)?;
    let receipt = answer.await.map_err(|_| refusal::FAILED)??;
    Ok(ok(receipt))
}

/// Whether `from` may send this.
pub fn check(app: &App, from: &str, message: &NewMessage) -> Result<(), Refusal> {
    match message.chat_type {
        ChatType::Group if !app.hub.is_member(&message.to_id, from) => Err(refusal::NOT_A_MEMBER),
        _ => Ok(()),
    }
}
