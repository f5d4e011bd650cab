//! Why a command or query is refused. Stable: `api/refusal` maps each to a status and a slug.

/// A refusal that the caller can act on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rejection {
    /// The token or key is not valid (any more).
    TokenRevoked,
    /// The account is banned.
    Banned,
    /// Wrong username or password.
    InvalidCredentials,
    /// `fromId` is neither the caller nor an identity granted to it.
    SenderMismatch,
    /// The caller is not a member of the group, or no party of the conversation.
    NotAMember,
    /// The caller's role does not allow it.
    Forbidden,
    /// No such user.
    UserNotFound,
    /// No such group.
    GroupNotFound,
    /// No such conversation, webhook, key or delivery.
    NotFound,
    /// The id is taken, or differs from one only by case.
    IdTaken,
    /// The username is taken, or differs from one only by case.
    UsernameTaken,
    /// The message id was used with another body.
    IdConflict,
    /// An owner must transfer or dismiss the group first.
    OwnerMustTransfer,
    /// The group would have more members than allowed.
    GroupFull,
    /// A field has a value that the server's state does not allow; the field's name in camelCase.
    InvalidField(&'static str),
    /// A queue is full; nothing was done.
    Busy,
    /// The disk is full; nothing was done.
    StorageFull,
    /// The server is stopping; nothing was done.
    Draining,
}

/// Why a decision could not be made.
#[derive(Debug)]
pub enum Refusal {
    /// The rules say no.
    Rejected(Rejection),
    /// The facts could not be read.
    Facts(super::facts::FactsError),
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<super::facts::FactsError> for Refusal {
    fn from(error: super::facts::FactsError) -> Self {
        Self::Facts(error)
    }
}
