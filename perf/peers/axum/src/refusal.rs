//! Answers other than 200.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Why a request was refused: status, slug, and what to do.
#[derive(Debug, Clone, Copy)]
pub struct Refusal {
    pub status: StatusCode,
    pub slug: &'static str,
    pub message: &'static str,
}

impl Refusal {
    const fn new(status: StatusCode, slug: &'static str, message: &'static str) -> Self {
        Self { status, slug, message }
    }
}

pub const INVALID: Refusal = Refusal::new(StatusCode::BAD_REQUEST, "invalid_json", "Send a frame of the contract.");
pub const UNAUTHENTICATED: Refusal =
    Refusal::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Present a valid token.");
pub const NOT_A_MEMBER: Refusal = Refusal::new(StatusCode::FORBIDDEN, "not_a_member", "Join the group first.");
pub const GROUP_NOT_FOUND: Refusal = Refusal::new(StatusCode::NOT_FOUND, "group_not_found", "Create the group first.");
pub const ID_TAKEN: Refusal = Refusal::new(StatusCode::CONFLICT, "id_taken", "Choose another id.");
pub const ID_CONFLICT: Refusal = Refusal::new(StatusCode::CONFLICT, "id_conflict", "Choose another message id.");
pub const FAILED: Refusal = Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Try again later.");

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({"code": self.status.as_u16(), "error": self.slug, "message": self.message});
        (self.status, Json(body)).into_response()
    }
}
