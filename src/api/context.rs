//! What an operation may know and use: the time, the caller, randomness, the settings.

use std::net::IpAddr;
use std::sync::Arc;

use super::port::Now;
use super::refusal::{Fault, Refusal};
use super::setup::Setup;
use crate::auth::Random;
use crate::auth::key::{Scope, Scopes};
use crate::auth::token::Claims;
use crate::domain::command::{Actor, ApiKey};
use crate::domain::conversation::ChatType;
use crate::domain::id::{MessageId, Timestamp, UserId, UserKey};
use crate::domain::user::{TokenId, User};
use crate::shard::attempts::SharedAttempts;

/// A user who proved to be one, and by which token.
#[derive(Clone, PartialEq, Debug)]
pub struct Session {
    /// The account as it was when the token was checked last.
    pub user: Arc<User>,
    /// The token's own id.
    pub token: TokenId,
    /// Unix milliseconds at which the token ends.
    pub expires_at: Timestamp,
}

/// Who asks.
#[derive(Clone, PartialEq, Debug)]
pub enum Caller {
    /// Nobody in particular.
    Anonymous,
    /// A user by token.
    User(Arc<Session>),
    /// A back end by API key.
    Key(Arc<ApiKey>),
}

/// What an operation wants done beside its answer, on this shard and the others.
#[derive(Clone, PartialEq, Debug)]
pub enum Signal {
    /// The caller is typing.
    Typing {
        /// In which kind of conversation.
        chat_type: ChatType,
        /// The group's id; in a single conversation the receiver's.
        to: Arc<str>,
        /// Who is to see it.
        audience: Arc<[UserKey]>,
    },
    /// The connection wants to know when these come and go, and no others.
    Watch(Vec<(UserKey, UserId)>),
}

/// One step's surroundings.
pub struct Context<'a> {
    /// The time of this turn.
    pub now: Now,
    /// The settings.
    pub setup: &'a Setup,
    /// Random bytes fit for secrets.
    pub random: &'a mut Random<'a>,
    /// Who asks; the route has checked that it may.
    pub caller: &'a Caller,
    /// The client's address, behind trusted proxies the one they name.
    pub address: IpAddr,
    /// Limits on guessing.
    pub attempts: &'a mut SharedAttempts,
    /// Filled by the operation, carried out by the gateway.
    pub signals: &'a mut Vec<Signal>,
}

impl Context<'_> {
    /// The calling user.
    ///
    /// # Errors
    /// `forbidden_scope` for anybody else; routes and live connections let only users here.
    pub fn session(&self) -> Result<&Arc<Session>, Refusal> {
        match self.caller {
            Caller::User(session) => Ok(session),
            Caller::Anonymous | Caller::Key(_) => Err(Fault::ForbiddenScope.into()),
        }
    }

    /// The calling user's account instance.
    ///
    /// # Errors
    /// As [`Context::session`].
    pub fn user(&self) -> Result<UserKey, Refusal> {
        self.session().map(|session| session.user.key)
    }

    /// In whose right commands and queries run: a user's own, or an admin's by key.
    ///
    /// # Errors
    /// `unauthenticated` for nobody.
    pub fn actor(&self) -> Result<Actor, Refusal> {
        match self.caller {
            Caller::User(session) => Ok(Actor::User(session.user.key)),
            Caller::Key(_) => Ok(Actor::Admin),
            Caller::Anonymous => Err(Fault::Unauthenticated.into()),
        }
    }

    /// The scopes of the calling key; none for a user.
    pub fn scopes(&self) -> Scopes {
        match self.caller {
            Caller::Key(key) => Scopes::from_bits(key.scopes),
            Caller::Anonymous | Caller::User(_) => Scopes::default(),
        }
    }

    /// Whether the calling key has a scope.
    pub fn has_scope(&self, scope: Scope) -> bool {
        self.scopes().contains(scope)
    }

    /// The clock of deadlines and rates, in milliseconds.
    pub fn monotonic_ms(&self) -> i64 {
        self.now.of_attempts()
    }

    /// A new id that sorts by time (UUIDv7).
    pub fn new_uuid(&mut self) -> String {
        let mut random = [0; 10];
        (self.random)(&mut random);
        let milliseconds = u64::try_from(self.now.wall_ms).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(milliseconds, &random)
            .into_uuid()
            .to_string()
    }

    /// An id for a message that came without one.
    pub fn new_message_id(&mut self) -> MessageId {
        MessageId::stored(&self.new_uuid())
    }

    /// A token for an account as it stands now, and when it ends in Unix milliseconds.
    pub fn issue_token(&mut self, user: &User) -> (String, Timestamp) {
        let mut id = [0; 16];
        (self.random)(&mut id);
        let issued_at = self.now.wall_ms.div_euclid(1000);
        let expires_at = issued_at + self.setup.token_ttl_seconds;
        let claims = Claims {
            user_id: user.id.as_str().to_owned(),
            account: user.key.0,
            generation: user.generation,
            token_id: TokenId(id).to_hex(),
            issued_at,
            expires_at,
        };
        (self.setup.token_key.issue(&claims), expires_at * 1000)
    }
}
