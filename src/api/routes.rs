//! The one table of REST routes. Matching, 405 with `Allow`, OPTIONS and the API description derive from it.
//!
//! A path is matched as it was sent: what is not written exactly as in the table (`//`, `/./`, `;`, an escaped
//! slash) is no route. Only the part that stands for `{id}` is percent-decoded.

use std::borrow::Cow;

use matchit::Router;

use super::admin;
use super::rest::{account, group, message, server, session, sync, user};
use super::step::Operation;
use crate::auth::key::Scope;
use crate::proto::http::Method;

/// Who may call a route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Everybody.
    Public,
    /// A user by token.
    User,
    /// A back end by a key with this scope.
    Key(Scope),
    /// A user, or a key with this scope.
    UserOrKey(Scope),
    /// Anybody on the same machine, or a key with this scope.
    LoopbackOrKey(Scope),
}

/// One route.
pub struct Route {
    /// [`Method::Get`] serves HEAD as well.
    pub method: Method,
    /// With at most one parameter, `{id}`.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// What it does.
    pub operation: Operation,
    /// What it is for, in one line.
    pub summary: &'static str,
}

const fn get(path: &'static str, access: Access, operation: Operation, summary: &'static str) -> Route {
    Route {
        method: Method::Get,
        path,
        access,
        operation,
        summary,
    }
}

const fn post(path: &'static str, access: Access, operation: Operation, summary: &'static str) -> Route {
    Route {
        method: Method::Post,
        path,
        access,
        operation,
        summary,
    }
}

/// Where a WebSocket is opened; not an operation, since the connection turns into another one.
pub const WEBSOCKET_PATH: &str = "/ws";

/// All routes.
pub static ROUTES: &[Route] = &[
    post(
        "/api/register",
        Access::Public,
        account::register,
        "Creates an account and signs it in.",
    ),
    post(
        "/api/login",
        Access::Public,
        account::login,
        "Signs in with username and password.",
    ),
    post(
        "/api/logout",
        Access::User,
        session::logout,
        "Ends the presented token, or all of the user's.",
    ),
    post(
        "/api/token/refresh",
        Access::User,
        session::refresh,
        "Replaces the presented token.",
    ),
    get("/api/user/me", Access::User, account::me, "The caller's own account."),
    post(
        "/api/user/update",
        Access::User,
        user::update,
        "Changes the caller's profile.",
    ),
    post(
        "/api/user/password",
        Access::User,
        user::password,
        "Changes the password and ends all tokens.",
    ),
    get(
        "/api/user/search",
        Access::User,
        user::search,
        "Finds users by the beginning of a name.",
    ),
    get("/api/user/{id}", Access::User, user::get, "One user."),
    post(
        "/api/message/send",
        Access::UserOrKey(Scope::Messages),
        message::send,
        "Sends a message.",
    ),
    get(
        "/api/message/history",
        Access::User,
        message::history,
        "Messages of one conversation, by seq.",
    ),
    get(
        "/api/message/receipts",
        Access::User,
        message::receipts,
        "Who of the others has received and read a message.",
    ),
    post(
        "/api/message/read",
        Access::User,
        message::read,
        "Everything up to a seq is read.",
    ),
    post(
        "/api/message/received",
        Access::User,
        message::received,
        "Everything up to a seq has arrived.",
    ),
    get(
        "/api/conversation/list",
        Access::User,
        message::conversations,
        "The caller's conversations, newest first.",
    ),
    post(
        "/api/sync",
        Access::User,
        sync::sync,
        "All that concerns the caller since a cursor.",
    ),
    post("/api/group/create", Access::User, group::create, "Creates a group."),
    post(
        "/api/group/update",
        Access::User,
        group::update,
        "Changes a group's name or policy.",
    ),
    post("/api/group/invite", Access::User, group::add_members, "Adds members."),
    post(
        "/api/group/kick",
        Access::User,
        group::remove_members,
        "Removes members.",
    ),
    post("/api/group/join", Access::User, group::join, "Enters an open group."),
    post("/api/group/leave", Access::User, group::leave, "Leaves a group."),
    post(
        "/api/group/role",
        Access::User,
        group::set_role,
        "Makes a member an admin, or a plain member.",
    ),
    post(
        "/api/group/transfer",
        Access::User,
        group::transfer,
        "Hands the group to another member.",
    ),
    post("/api/group/dismiss", Access::User, group::dismiss, "Ends the group."),
    get("/api/group/list", Access::User, group::list, "The caller's groups."),
    get("/api/group/{id}", Access::User, group::get, "One group."),
    get(
        "/api/group/{id}/members",
        Access::User,
        group::members,
        "A group's members.",
    ),
    get(
        "/api/admin/users",
        Access::Key(Scope::Read),
        admin::user::list,
        "All users.",
    ),
    get("/api/admin/user/{id}", Access::Key(Scope::Read), user::get, "One user."),
    get(
        "/api/admin/history",
        Access::Key(Scope::Read),
        admin::message::history,
        "Messages of any conversation.",
    ),
    get(
        "/api/admin/groups",
        Access::Key(Scope::Read),
        group::list_all,
        "All groups.",
    ),
    get(
        "/api/admin/stats",
        Access::Key(Scope::Read),
        admin::server::stats,
        "What is stored and who is there.",
    ),
    get(
        "/api/admin/connections",
        Access::Key(Scope::Read),
        admin::server::connections,
        "Live sessions.",
    ),
    post(
        "/api/admin/user/create",
        Access::Key(Scope::Users),
        admin::user::create,
        "Creates an account.",
    ),
    post(
        "/api/admin/user/import",
        Access::Key(Scope::Users),
        admin::user::import,
        "Creates many accounts.",
    ),
    post(
        "/api/admin/user/update",
        Access::Key(Scope::Users),
        admin::user::update,
        "Changes a profile.",
    ),
    post(
        "/api/admin/user/password",
        Access::Key(Scope::Users),
        admin::user::password,
        "Sets a password.",
    ),
    post(
        "/api/admin/user/ban",
        Access::Key(Scope::Users),
        admin::user::ban,
        "Bans an account.",
    ),
    post(
        "/api/admin/user/unban",
        Access::Key(Scope::Users),
        admin::user::unban,
        "Lifts a ban.",
    ),
    post(
        "/api/admin/user/kick",
        Access::Key(Scope::Users),
        admin::user::kick,
        "Closes a user's sockets.",
    ),
    post(
        "/api/admin/user/delete",
        Access::Key(Scope::Users),
        admin::user::delete,
        "Ends an account.",
    ),
    post(
        "/api/admin/user/token",
        Access::Key(Scope::Users),
        admin::user::token,
        "Mints tokens for single sign-on.",
    ),
    post(
        "/api/admin/user/grant",
        Access::Key(Scope::Users),
        admin::user::grant,
        "Lets a user send in another's name.",
    ),
    post(
        "/api/admin/user/revoke",
        Access::Key(Scope::Users),
        admin::user::revoke,
        "Takes that back.",
    ),
    post(
        "/api/admin/group/create",
        Access::Key(Scope::Groups),
        admin::group::create,
        "Creates a group for an owner.",
    ),
    post(
        "/api/admin/group/update",
        Access::Key(Scope::Groups),
        group::update,
        "Changes a group.",
    ),
    post(
        "/api/admin/group/dismiss",
        Access::Key(Scope::Groups),
        group::dismiss,
        "Ends a group.",
    ),
    post(
        "/api/admin/group/add-members",
        Access::Key(Scope::Groups),
        group::add_members,
        "Adds members.",
    ),
    post(
        "/api/admin/group/remove-members",
        Access::Key(Scope::Groups),
        group::remove_members,
        "Removes members.",
    ),
    post(
        "/api/admin/message/send",
        Access::Key(Scope::Messages),
        message::send,
        "Sends as any user.",
    ),
    post(
        "/api/admin/key/create",
        Access::Key(Scope::Keys),
        admin::key::create,
        "Creates an API key.",
    ),
    post(
        "/api/admin/key/revoke",
        Access::Key(Scope::Keys),
        admin::key::revoke,
        "Ends an API key.",
    ),
    get(
        "/api/admin/key/list",
        Access::Key(Scope::Keys),
        admin::key::list,
        "All API keys, without their text.",
    ),
    post(
        "/api/admin/webhook/create",
        Access::Key(Scope::Webhooks),
        admin::webhook::create,
        "Creates a webhook.",
    ),
    post(
        "/api/admin/webhook/update",
        Access::Key(Scope::Webhooks),
        admin::webhook::update,
        "Changes a webhook.",
    ),
    post(
        "/api/admin/webhook/delete",
        Access::Key(Scope::Webhooks),
        admin::webhook::delete,
        "Ends a webhook.",
    ),
    post(
        "/api/admin/webhook/test",
        Access::Key(Scope::Webhooks),
        admin::webhook::test,
        "Sends a test event now.",
    ),
    post(
        "/api/admin/webhook/replay",
        Access::Key(Scope::Webhooks),
        admin::webhook::replay,
        "Tries dead events again.",
    ),
    get(
        "/api/admin/webhook/list",
        Access::Key(Scope::Webhooks),
        admin::webhook::list,
        "All webhooks.",
    ),
    get(
        "/api/admin/webhook/deliveries",
        Access::Key(Scope::Webhooks),
        admin::webhook::deliveries,
        "Failing events.",
    ),
    post(
        "/api/admin/backup",
        Access::Key(Scope::Keys),
        admin::server::backup,
        "Copies both databases into a file.",
    ),
    get(
        "/api/admin/check",
        Access::Key(Scope::Read),
        admin::server::check,
        "Checks both databases.",
    ),
    get("/healthz", Access::Public, server::health, "This core lives."),
    get("/readyz", Access::Public, server::readiness, "The writer commits."),
    get(
        "/openapi.json",
        Access::Public,
        server::description,
        "This description.",
    ),
    get(
        "/metrics",
        Access::LoopbackOrKey(Scope::Read),
        server::metrics,
        "Counters for Prometheus.",
    ),
];

/// Finds routes by path.
pub struct Routes {
    /// Each path with the indices of its routes in [`ROUTES`].
    router: Router<Vec<usize>>,
}

/// What a path and a method lead to.
pub enum Found<'r> {
    /// The route, and the decoded part of the path that stands for `{id}`.
    Route(&'static Route, Option<Cow<'r, str>>),
    /// The path exists; the methods that it has.
    OtherMethods(Vec<Method>),
    /// No such path.
    Nothing,
}

impl Routes {
    /// Builds the index of the table.
    pub fn new() -> Self {
        let mut paths: Vec<(&'static str, Vec<usize>)> = Vec::new();
        for (index, route) in ROUTES.iter().enumerate() {
            match paths.iter_mut().find(|(path, _)| *path == route.path) {
                Some((_, indices)) => indices.push(index),
                None => paths.push((route.path, vec![index])),
            }
        }
        let mut router = Router::new();
        for (path, indices) in paths {
            router
                .insert(path, indices)
                .expect("the paths of the table do not contradict each other");
        }
        Self { router }
    }

    /// The route for a method and a path as it was sent.
    pub fn find<'r>(&self, method: Method, path: &'r str) -> Found<'r> {
        let Ok(matched) = self.router.at(path) else {
            return Found::Nothing;
        };
        let id = match matched.params.get("id").map(decode_segment) {
            Some(None) => return Found::Nothing,
            Some(id) => id,
            None => None,
        };
        let wanted = if method == Method::Head { Method::Get } else { method };
        let routes = matched.value.iter().map(|&index| &ROUTES[index]);
        match routes.clone().find(|route| route.method == wanted) {
            Some(route) => Found::Route(route, id),
            None => Found::OtherMethods(routes.map(|route| route.method).collect()),
        }
    }
}

impl Default for Routes {
    fn default() -> Self {
        Self::new()
    }
}

/// One part of a path, percent-decoded; `None` when it is malformed or would be read as more than one part.
fn decode_segment(segment: &str) -> Option<Cow<'_, str>> {
    let well_formed = segment
        .split('%')
        .skip(1)
        .all(|escape| escape.len() >= 2 && escape.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit));
    let decoded = percent_encoding::percent_decode_str(segment).decode_utf8().ok()?;
    let plain = well_formed && !segment.contains(';') && !decoded.contains('/') && decoded != "." && decoded != "..";
    plain.then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_matched_as_sent() {
        let routes = Routes::new();
        assert!(
            matches!(routes.find(Method::Get, "/api/user/me"), Found::Route(route, None) if route.path == "/api/user/me")
        );
        assert!(matches!(routes.find(Method::Head, "/healthz"), Found::Route(..)));
        for odd in [
            "/api//user/me",
            "/api/./user/me",
            "/api/user/me/",
            "/API/user/me",
            "/api/user/%6De;x",
            "/api/user",
            "*",
        ] {
            assert!(matches!(routes.find(Method::Get, odd), Found::Nothing), "{odd}");
        }
        assert!(
            matches!(routes.find(Method::Get, "/api/login"), Found::OtherMethods(methods) if methods == [Method::Post])
        );
    }

    #[test]
    fn segments_are_decoded_once_and_strictly() {
        assert_eq!(decode_segment("a%40b").as_deref(), Some("a@b"));
        assert_eq!(decode_segment("a%2540b").as_deref(), Some("a%40b"));
        for odd in ["a%2Fb", "a%", "a%4", "a%zz", "%ff", "..", "%2e%2e", "a;b"] {
            assert_eq!(decode_segment(odd), None, "{odd}");
        }
    }
}
