//! Users, tokens and groups, for the holder of the admin key.

use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::App;
use crate::refusal::{self, Refusal};
use crate::rest::{Success, ok};

type Answer = Result<Json<Success<Value>>, Refusal>;

/// The routes, open to the holder of the key alone.
pub fn routes(app: &App) -> Router<App> {
    Router::new()
        .route("/user/import", post(import_users))
        .route("/user/token", post(mint_tokens))
        .route("/group/create", post(create_group))
        .route("/group/add-members", post(add_members))
        .layer(middleware::from_fn_with_state(app.clone(), authorize))
}

#[derive(Deserialize)]
struct Users {
    users: Vec<User>,
}

#[derive(Deserialize)]
struct User {
    id: Option<String>,
    username: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenRequest {
    user_ids: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewGroup {
    id: String,
    name: String,
    creator_id: String,
    #[serde(default)]
    member_ids: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewMembers {
    group_id: String,
    member_ids: Vec<String>,
}

async fn authorize(State(app): State<App>, request: Request, next: Next) -> Result<Response, Refusal> {
    app.tokens.check_admin(request.headers())?;
    Ok(next.run(request).await)
}

async fn import_users(State(app): State<App>, Json(body): Json<Users>) -> Answer {
    let users: Vec<(&str, &str)> = body
        .users
        .iter()
        .map(|user| (user.id.as_deref().unwrap_or(&user.username), &*user.username))
        .collect();
    let added = app.accounts.add_users(&users).map_err(|_| refusal::FAILED)?;
    let items: Vec<Value> = users
        .iter()
        .zip(added)
        .map(|((id, _), ok)| json!({"id": id, "ok": ok}))
        .collect();
    Ok(ok(json!({ "items": items })))
}

async fn mint_tokens(State(app): State<App>, Json(body): Json<TokenRequest>) -> Answer {
    let mint = |user: &String| Ok(json!({"userId": user, "token": app.tokens.mint(user)?}));
    let items = body
        .user_ids
        .iter()
        .map(mint)
        .collect::<Result<Vec<Value>, Refusal>>()?;
    Ok(ok(json!({ "items": items })))
}

async fn create_group(State(app): State<App>, Json(body): Json<NewGroup>) -> Answer {
    let mut members = body.member_ids;
    members.push(body.creator_id);
    app.accounts
        .add_group(&body.id, &body.name)
        .map_err(|_| refusal::ID_TAKEN)?;
    admit(&app, &body.id, members)
}

async fn add_members(State(app): State<App>, Json(body): Json<NewMembers>) -> Answer {
    match app.hub.has_group(&body.group_id) {
        true => admit(&app, &body.group_id, body.member_ids),
        false => Err(refusal::GROUP_NOT_FOUND),
    }
}

fn admit(app: &App, group: &str, members: Vec<String>) -> Answer {
    app.accounts.add_members(group, &members).map_err(|_| refusal::FAILED)?;
    app.hub.add_members(group, members);
    Ok(ok(json!({ "id": group })))
}
