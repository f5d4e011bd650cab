//! Which request of the admin API a sub-command is.

use serde_json::{Value, json};

use super::credential;
use super::failure::Failure;
use crate::auth::key::Scopes;
use crate::config::actions::{Action, GroupAction, KeyAction, UserAction, WebhookAction};

/// One request of the admin API.
#[derive(Debug, PartialEq)]
pub struct Request {
    /// Its path.
    pub path: &'static str,
    /// What is posted; without a body it is a GET.
    pub body: Option<Value>,
    /// How its answer is read.
    pub reading: Reading,
}

/// How an answer is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// As it is.
    Once,
    /// As one page of a list whose next pages are wanted as well.
    EveryPage,
}

impl Request {
    /// A GET.
    pub fn get(path: &'static str) -> Self {
        let (body, reading) = (None, Reading::Once);
        Self { path, body, reading }
    }

    /// A GET of a list that comes in pages.
    pub fn list(path: &'static str) -> Self {
        let (body, reading) = (None, Reading::EveryPage);
        Self { path, body, reading }
    }

    /// A POST; members that are null are left out.
    pub fn post(path: &'static str, mut body: Value) -> Self {
        if let Some(members) = body.as_object_mut() {
            members.retain(|_, value| !value.is_null());
        }
        let (body, reading) = (Some(body), Reading::Once);
        Self { path, body, reading }
    }
}

/// The request behind a sub-command; asks for a password where one is needed.
pub fn of(action: &Action) -> Result<Request, Failure> {
    match action {
        Action::User(action) => of_user(action),
        Action::Group(action) => Ok(of_group(action)),
        Action::Key(action) => Ok(of_key(action)),
        Action::Webhook(action) => Ok(of_webhook(action)),
        Action::Serve | Action::Backup { .. } | Action::Restore { .. } | Action::Check | Action::Version => {
            Err(Failure::new("this sub-command is no request", "Report it"))
        }
    }
}

/// What a sub-command is about, for its error messages.
pub fn subject(action: &Action) -> String {
    match action {
        Action::User(UserAction::Add { username: name, .. }) => format!("user {name}"),
        Action::User(
            UserAction::Ban { user_id }
            | UserAction::Unban { user_id }
            | UserAction::Delete { user_id }
            | UserAction::Password { user_id, .. }
            | UserAction::Token { user_id }
            | UserAction::Grant { user_id, .. },
        ) => format!("user {user_id}"),
        Action::Group(GroupAction::Create { name, .. }) => format!("group {name}"),
        Action::Group(
            GroupAction::Add { group_id, .. }
            | GroupAction::Remove { group_id, .. }
            | GroupAction::Dismiss { group_id },
        ) => format!("group {group_id}"),
        Action::Key(KeyAction::Create { name, .. }) => format!("key {name}"),
        Action::Key(KeyAction::Revoke { key_id }) => format!("key {key_id}"),
        // The address of a robot is a secret.
        Action::Webhook(WebhookAction::Add { .. }) => "webhook".to_owned(),
        Action::Webhook(WebhookAction::Test { webhook_id }) => format!("webhook {webhook_id}"),
        _ => "list".to_owned(),
    }
}

fn of_user(action: &UserAction) -> Result<Request, Failure> {
    Ok(match action {
        UserAction::Add {
            username,
            id,
            nickname,
            password,
        } => {
            let password = password.as_ref().map(credential::read).transpose()?;
            let password = password.as_ref().map(|password| password.expose());
            let body = json!({"id": id, "username": username, "nickname": nickname, "password": password});
            Request::post("/api/admin/user/create", body)
        }
        UserAction::List => Request::list("/api/admin/users"),
        UserAction::Ban { user_id } => Request::post("/api/admin/user/ban", json!({"userId": user_id})),
        UserAction::Unban { user_id } => Request::post("/api/admin/user/unban", json!({"userId": user_id})),
        UserAction::Delete { user_id } => Request::post("/api/admin/user/delete", json!({"userId": user_id})),
        UserAction::Password { user_id, password } => {
            let password = match password {
                Some(password) => credential::read(password)?,
                None => credential::ask()?,
            };
            let body = json!({"userId": user_id, "password": password.expose()});
            Request::post("/api/admin/user/password", body)
        }
        UserAction::Token { user_id } => Request::post("/api/admin/user/token", json!({"userId": user_id})),
        UserAction::Grant { user_id, identity_id } => {
            let body = json!({"userId": user_id, "identityId": identity_id});
            Request::post("/api/admin/user/grant", body)
        }
    })
}

fn of_group(action: &GroupAction) -> Request {
    match action {
        GroupAction::Create {
            name,
            owner,
            id,
            members,
        } => {
            let body = json!({"id": id, "name": name, "creatorId": owner, "memberIds": members});
            Request::post("/api/admin/group/create", body)
        }
        GroupAction::List => Request::list("/api/admin/groups"),
        GroupAction::Add { group_id, user_ids } => {
            let body = json!({"groupId": group_id, "memberIds": user_ids});
            Request::post("/api/admin/group/add-members", body)
        }
        GroupAction::Remove { group_id, user_ids } => {
            let body = json!({"groupId": group_id, "memberIds": user_ids});
            Request::post("/api/admin/group/remove-members", body)
        }
        GroupAction::Dismiss { group_id } => Request::post("/api/admin/group/dismiss", json!({"groupId": group_id})),
    }
}

fn of_key(action: &KeyAction) -> Request {
    match action {
        KeyAction::Create { name, scopes } => {
            let all: Vec<&str> = Scopes::all().names().collect();
            let scopes = if scopes.is_empty() { json!(all) } else { json!(scopes) };
            Request::post("/api/admin/key/create", json!({"name": name, "scopes": scopes}))
        }
        KeyAction::List => Request::get("/api/admin/key/list"),
        KeyAction::Revoke { key_id } => Request::post("/api/admin/key/revoke", json!({"id": key_id})),
    }
}

fn of_webhook(action: &WebhookAction) -> Request {
    match action {
        WebhookAction::Add {
            url,
            events,
            kind,
            name,
            secret,
        } => {
            let secret = secret.as_ref().map(|secret| secret.expose());
            let body = json!({"url": url, "events": events, "kind": kind, "name": name, "secret": secret});
            Request::post("/api/admin/webhook/create", body)
        }
        WebhookAction::List => Request::get("/api/admin/webhook/list"),
        WebhookAction::Test { webhook_id } => Request::post("/api/admin/webhook/test", json!({"id": webhook_id})),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::command_line;

    fn request(line: &str) -> Request {
        let words = line.split(' ').map(Into::into);
        let invocation = command_line::parse(words, &[]).expect("a command line");
        of(&invocation.action).expect("a request")
    }

    #[test]
    fn what_was_not_given_is_not_sent() {
        let request = request("ringim user add alice --nickname A");
        assert_eq!(request.path, "/api/admin/user/create");
        assert_eq!(request.body, Some(json!({"username": "alice", "nickname": "A"})));
    }

    #[test]
    fn a_key_has_all_scopes_unless_some_are_named() {
        let scopes = |line| request(line).body.expect("a body")["scopes"].clone();
        assert_eq!(scopes("ringim key create").as_array().map(Vec::len), Some(6));
        assert_eq!(
            scopes("ringim key create --scopes read,users"),
            json!(["read", "users"])
        );
    }

    #[test]
    fn every_request_is_a_route() {
        use crate::api::routes::{Found, Routes};
        use crate::proto::http::Method;
        let routes = Routes::new();
        for line in [
            "user add a",
            "user list",
            "user ban a",
            "user unban a",
            "user delete a",
            "user password a --password 12345678",
            "user token a",
            "user grant a b",
            "group create g --owner a",
            "group list",
            "group add g a",
            "group remove g a",
            "group dismiss g",
            "key create",
            "key list",
            "key revoke k",
            "webhook add http://localhost/",
            "webhook list",
            "webhook test w",
        ] {
            let request = request(&format!("ringim {line}"));
            let method = if request.body.is_some() {
                Method::Post
            } else {
                Method::Get
            };
            assert!(matches!(routes.find(method, request.path), Found::Route(..)), "{line}");
        }
    }
}
