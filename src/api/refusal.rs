//! The one table of everything this server answers when it says no: status, slug, sentence, and whether the same
//! request may succeed later (contract section 2). WebSocket close codes stand in [`super::wire::live`].

use std::borrow::Cow;

use crate::domain::rejection::Rejection;
use crate::proto::http;
use crate::proto::http::upgrade::UpgradeFault;

/// What went wrong, by what the caller can do about it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fault {
    /// The body or frame is not the JSON that is expected.
    InvalidJson,
    /// One field is missing or has a value that is not allowed; its name as in JSON.
    InvalidField(&'static str),
    /// A frame names no known operation.
    UnknownType,
    /// No token or key, or one that is none.
    Unauthenticated,
    /// The token's time is over.
    TokenExpired,
    /// The token or key was ended.
    TokenRevoked,
    /// Wrong username or password.
    InvalidCredentials,
    /// `fromId` is somebody else.
    SenderMismatch,
    /// No member of the group, or no party of the conversation.
    NotAMember,
    /// The account is banned.
    Banned,
    /// The role does not allow it.
    Forbidden,
    /// The API key lacks the scope, or a key is used where a user's token is asked for.
    ForbiddenScope,
    /// Registration is closed.
    RegistrationClosed,
    /// No such path, conversation, webhook, key or delivery.
    NotFound,
    /// No such user.
    UserNotFound,
    /// No such group.
    GroupNotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The username is taken.
    UsernameTaken,
    /// The id is taken.
    IdTaken,
    /// The message id was used with another body.
    IdConflict,
    /// An owner cannot leave.
    OwnerMustTransfer,
    /// The group has as many members as it may have.
    GroupFull,
    /// The message's content is above the limit.
    ContentTooLarge,
    /// The body is not declared as JSON.
    UnsupportedMediaType,
    /// The request breaks a rule of HTTP.
    Http(http::Fault),
    /// The request opens no WebSocket.
    Upgrade(UpgradeFault),
    /// The request did not arrive in time.
    RequestTimeout,
    /// Too many attempts.
    RateLimited,
    /// The server did not understand itself.
    Internal,
    /// A method no server of ours knows.
    NotImplemented,
    /// A queue is full.
    Busy,
    /// The disk is full.
    StorageFull,
    /// The server is stopping.
    Draining,
}

/// What a fault looks like outside.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The HTTP status, and the `code` of the body.
    pub status: u16,
    /// Stable, for programs. For [`Fault::InvalidField`] the field's name follows it.
    pub slug: &'static str,
    /// For people: what to do.
    pub sentence: &'static str,
    /// Whether the same request may succeed later.
    pub retryable: bool,
}

const fn no(status: u16, slug: &'static str, sentence: &'static str) -> Entry {
    Entry {
        status,
        slug,
        sentence,
        retryable: false,
    }
}

const fn later(status: u16, slug: &'static str, sentence: &'static str) -> Entry {
    Entry {
        status,
        slug,
        sentence,
        retryable: true,
    }
}

impl Fault {
    /// The table.
    pub fn entry(self) -> Entry {
        match self {
            Self::InvalidJson => no(
                400,
                "invalid_json",
                "Send one JSON object in UTF-8, without repeated keys and at most 32 levels deep.",
            ),
            Self::InvalidField(_) => no(400, "invalid_", "A field is missing or its value is not allowed."),
            Self::UnknownType => no(
                400,
                "invalid_type",
                "Give a `type` that this server knows; see the list of WebSocket operations.",
            ),
            Self::Unauthenticated => no(
                401,
                "unauthenticated",
                "Send a valid token or key as `Authorization: Bearer ...`.",
            ),
            Self::TokenExpired => no(401, "token_expired", "The token has expired: sign in again."),
            Self::TokenRevoked => no(
                401,
                "token_revoked",
                "The token or key was ended: sign in again or use another key.",
            ),
            Self::InvalidCredentials => no(401, "invalid_credentials", "The username or the password is wrong."),
            Self::SenderMismatch => no(
                403,
                "sender_mismatch",
                "Leave out `fromId`, or have an admin grant you this identity.",
            ),
            Self::NotAMember => no(
                403,
                "not_a_member",
                "Only members may do this: join the group or ask to be invited.",
            ),
            Self::Banned => no(403, "banned", "The account is banned: ask an administrator."),
            Self::Forbidden => no(
                403,
                "forbidden",
                "Your role does not allow this: ask the group's owner or an admin.",
            ),
            Self::ForbiddenScope => no(
                403,
                "forbidden_scope",
                "Use a credential that is allowed to do this: a user's token for the user API, a key with the right scope for the admin API.",
            ),
            Self::RegistrationClosed => no(
                403,
                "registration_closed",
                "Registration is closed: ask an administrator for an account.",
            ),
            Self::NotFound => no(404, "not_found", "There is nothing here: check the path and the ids."),
            Self::UserNotFound => no(404, "user_not_found", "There is no such user: check the id."),
            Self::GroupNotFound => no(404, "group_not_found", "There is no such group: check the id."),
            Self::MethodNotAllowed => no(
                405,
                "method_not_allowed",
                "Use one of the methods named in the `Allow` field.",
            ),
            Self::UsernameTaken => no(
                409,
                "username_taken",
                "Choose another username: this one, or one that differs only by case, is taken.",
            ),
            Self::IdTaken => no(
                409,
                "id_taken",
                "Choose another id: this one, or one that differs only by case, is taken.",
            ),
            Self::IdConflict => no(
                409,
                "id_conflict",
                "This message id was used with another body: use a new id for a new message.",
            ),
            Self::OwnerMustTransfer => no(
                409,
                "owner_must_transfer",
                "Transfer or dismiss the group before you leave it.",
            ),
            Self::GroupFull => no(
                409,
                "group_full",
                "The group has as many members as it may have: remove some first.",
            ),
            Self::ContentTooLarge => no(
                413,
                "content_too_large",
                "Send a shorter `content`, or the data as a file.",
            ),
            Self::UnsupportedMediaType => no(
                415,
                "unsupported_media_type",
                "Send the body as `Content-Type: application/json` in UTF-8.",
            ),
            Self::Http(fault) => http_entry(fault.status()),
            Self::Upgrade(fault) => http_entry(fault.status()),
            Self::RequestTimeout => later(
                408,
                "request_timeout",
                "The request did not arrive in time: send it again, faster.",
            ),
            Self::RateLimited => later(
                429,
                "rate_limited",
                "Too many attempts: wait as long as `Retry-After` says.",
            ),
            Self::Internal => no(
                500,
                "internal",
                "The server failed to answer: report the `requestId` to its operator.",
            ),
            Self::NotImplemented => no(501, "not_implemented", "Use a method that this server knows."),
            Self::Busy => later(503, "busy", "The server is busy and did nothing: try again shortly."),
            Self::StorageFull => later(
                503,
                "storage_full",
                "The server's disk is full and nothing was done: try again later.",
            ),
            Self::Draining => later(
                503,
                "draining",
                "The server is stopping and did nothing: connect again shortly.",
            ),
        }
    }
}

/// Faults of the protocol share their slugs by status; the sentence names the broken rule.
fn http_entry(status: u16) -> Entry {
    let sentence = "Send a request that keeps the rules of HTTP/1.1.";
    match status {
        405 => Fault::MethodNotAllowed.entry(),
        413 => no(413, "body_too_large", sentence),
        415 => Fault::UnsupportedMediaType.entry(),
        417 => no(417, "expectation_failed", sentence),
        426 => no(426, "upgrade_required", sentence),
        431 => no(431, "head_too_large", sentence),
        505 => no(505, "version_not_supported", sentence),
        _ => no(400, "invalid_request", sentence),
    }
}

impl From<&Rejection> for Fault {
    fn from(rejection: &Rejection) -> Self {
        match rejection {
            Rejection::TokenRevoked => Self::TokenRevoked,
            Rejection::Banned => Self::Banned,
            Rejection::InvalidCredentials => Self::InvalidCredentials,
            Rejection::SenderMismatch => Self::SenderMismatch,
            Rejection::NotAMember => Self::NotAMember,
            Rejection::Forbidden => Self::Forbidden,
            Rejection::UserNotFound => Self::UserNotFound,
            Rejection::GroupNotFound => Self::GroupNotFound,
            Rejection::NotFound => Self::NotFound,
            Rejection::IdTaken => Self::IdTaken,
            Rejection::UsernameTaken => Self::UsernameTaken,
            Rejection::IdConflict => Self::IdConflict,
            Rejection::OwnerMustTransfer => Self::OwnerMustTransfer,
            Rejection::GroupFull => Self::GroupFull,
            Rejection::InvalidField(name) => Self::InvalidField(name),
            Rejection::Busy => Self::Busy,
            Rejection::StorageFull => Self::StorageFull,
            Rejection::Draining => Self::Draining,
        }
    }
}

/// A refusal on its way to the caller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// What.
    pub fault: Fault,
    /// More precise than the table's sentence.
    sentence: Option<Cow<'static, str>>,
    /// Not before so many milliseconds.
    pub retry_after_ms: Option<u32>,
}

/// How long to wait when a queue was full or the server stops.
const RETRY_SOON_MS: u32 = 1000;

impl Refusal {
    /// The fault with the table's own sentence.
    pub fn new(fault: Fault) -> Self {
        let retry_after_ms = fault.entry().retryable.then_some(RETRY_SOON_MS);
        Self {
            fault,
            sentence: None,
            retry_after_ms,
        }
    }

    /// `invalid_<name>`, with a sentence that says what is allowed.
    pub fn field(name: &'static str, sentence: impl Into<Cow<'static, str>>) -> Self {
        Self {
            sentence: Some(sentence.into()),
            ..Self::new(Fault::InvalidField(name))
        }
    }

    /// Too many attempts; how long to wait.
    pub fn rate_limited(retry_after_ms: i64) -> Self {
        let wait = u32::try_from(retry_after_ms.max(0)).unwrap_or(u32::MAX);
        Self {
            retry_after_ms: Some(wait),
            ..Self::new(Fault::RateLimited)
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.fault.entry().status
    }

    /// The stable word for programs.
    pub fn slug(&self) -> Cow<'static, str> {
        match self.fault {
            Fault::InvalidField(name) => format!("invalid_{name}").into(),
            fault => fault.entry().slug.into(),
        }
    }

    /// The sentence for people.
    pub fn sentence(&self) -> Cow<'_, str> {
        match (&self.sentence, self.fault) {
            (Some(sentence), _) => Cow::Borrowed(sentence),
            (None, Fault::InvalidField(name)) => format!("The value of `{name}` is not allowed here.").into(),
            (None, Fault::Http(fault)) => rule(fault),
            (None, Fault::Upgrade(fault)) => rule(fault),
            (None, fault) => fault.entry().sentence.into(),
        }
    }

    /// Whole seconds for the `Retry-After` field, rounded up.
    pub fn retry_after_seconds(&self) -> Option<u32> {
        self.retry_after_ms.map(|ms| ms.div_ceil(1000))
    }
}

/// The broken rule as a sentence.
fn rule(fault: impl std::fmt::Display) -> Cow<'static, str> {
    let text = fault.to_string();
    let (first, rest) = text.split_at(text.chars().next().map_or(0, char::len_utf8));
    format!("{}{rest}.", first.to_uppercase()).into()
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::new(fault)
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self::new(Fault::from(&rejection))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_named_in_slug_and_sentence() {
        let refusal = Refusal::from(Rejection::InvalidField("memberIds"));
        assert_eq!((refusal.status(), &*refusal.slug()), (400, "invalid_memberIds"));
        assert!(refusal.sentence().contains("memberIds"));
    }

    #[test]
    fn waiting_is_rounded_up_to_seconds() {
        assert_eq!(Refusal::rate_limited(1001).retry_after_seconds(), Some(2));
        assert_eq!(Refusal::new(Fault::NotFound).retry_after_seconds(), None);
        assert_eq!(Refusal::new(Fault::Busy).retry_after_seconds(), Some(1));
    }
}
