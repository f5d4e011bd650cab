//! Tokens and keys: telling them apart, and remembering those that the writer has confirmed.

use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};

use super::context::{Caller, Session};
use super::refusal::{Fault, Refusal};
use super::setup::Setup;
use crate::auth::key::{self, KeyDigest, Scopes};
use crate::auth::token::TokenFault;
use crate::base::limits;
use crate::domain::command::{Account, ApiKey, Command, Reply};
use crate::domain::id::{Timestamp, UserKey};
use crate::domain::user::TokenId;

/// A token or a key as it came, with its digest: hashed once, whatever it turns out to be.
pub struct Presented<'a> {
    text: &'a str,
    digest: KeyDigest,
}

impl<'a> From<&'a str> for Presented<'a> {
    fn from(text: &'a str) -> Self {
        Self {
            text,
            digest: KeyDigest::of(text),
        }
    }
}

/// Longer texts are not remembered: no token or key of ours is as long.
const REMEMBERED_BYTES: usize = 1024;

/// What an HTTP connection presented last: nearly always the same again, which is told faster than it is hashed.
#[derive(Default)]
pub struct LastPresented(Option<(Box<str>, KeyDigest)>);

impl LastPresented {
    /// The text with its digest.
    pub fn present<'a>(&mut self, text: &'a str) -> Presented<'a> {
        match &self.0 {
            Some((last, digest)) if **last == *text => Presented { text, digest: *digest },
            _ => {
                let presented = Presented::from(text);
                self.0 = (text.len() <= REMEMBERED_BYTES).then(|| (text.into(), presented.digest));
                presented
            }
        }
    }
}

/// Something that proves who the caller is, as far as can be told without the writer.
pub enum Credential {
    /// It is known who this is.
    Known(Caller),
    /// The writer must be asked.
    Claimed(Claim),
}

/// A credential that stands or falls with what the writer says to [`Claim::command`].
pub enum Claim {
    /// A token with a good signature.
    Token {
        /// SHA-256 of the token's text.
        digest: [u8; 32],
        /// Whose it says it is.
        user: UserKey,
        /// The generation it was made under.
        generation: i64,
        /// Its own id.
        token: TokenId,
        /// When it ends, in Unix milliseconds.
        expires_at: Timestamp,
    },
    /// Something that looks like an API key.
    Key([u8; 32]),
}

impl Claim {
    /// What to ask the writer.
    pub fn command(&self) -> Command {
        match self {
            Self::Token {
                user,
                generation,
                token,
                ..
            } => Command::Authenticate {
                user: *user,
                generation: *generation,
                token: Some(*token),
            },
            Self::Key(digest) => Command::AuthenticateKey(*digest),
        }
    }
}

/// What one shard remembers of confirmed credentials. Events of the log make it forget what is no longer true.
pub struct Credentials {
    /// By digest: a tenth of the text's memory, and no token lies about in it.
    tokens: HashMap<[u8; 32], Arc<Session>>,
    keys: HashMap<[u8; 32], Arc<ApiKey>>,
    /// Stands for keys that are not stored.
    admin: Arc<ApiKey>,
}

impl Default for Credentials {
    fn default() -> Self {
        let admin = ApiKey {
            id: "unstored".into(),
            name: "operator".into(),
            prefix: "".into(),
            digest: [0; 32],
            scopes: Scopes::all().bits(),
            created_at: 0,
        };
        Self {
            tokens: HashMap::new(),
            keys: HashMap::new(),
            admin: Arc::new(admin),
        }
    }
}

impl Credentials {
    /// Reads a token.
    ///
    /// # Errors
    /// `unauthenticated`, or `token_expired`.
    pub fn token(&self, presented: &Presented<'_>, setup: &Setup, now_ms: i64) -> Result<Credential, Refusal> {
        let digest = *presented.digest.as_bytes();
        if let Some(session) = self.tokens.get(&digest).filter(|session| now_ms < session.expires_at) {
            return Ok(Credential::Known(Caller::User(session.clone())));
        }
        let claims = setup
            .token_key
            .verify(presented.text, now_ms)
            .map_err(|fault| match fault {
                TokenFault::Expired => Fault::TokenExpired,
                TokenFault::Malformed | TokenFault::BadSignature => Fault::Unauthenticated,
            })?;
        Ok(Credential::Claimed(Claim::Token {
            digest,
            user: UserKey(claims.account),
            generation: claims.generation,
            token: TokenId::from_hex(&claims.token_id).ok_or(Fault::Unauthenticated)?,
            expires_at: claims.expires_at * 1000,
        }))
    }

    /// Reads an API key; `None` when it does not look like one.
    pub fn key(&self, presented: &Presented<'_>, setup: &Setup) -> Option<Credential> {
        if setup.unstored_keys.contains(&presented.digest) {
            return Some(Credential::Known(Caller::Key(self.admin.clone())));
        }
        key::id_of(presented.text)?;
        let digest = *presented.digest.as_bytes();
        Some(match self.keys.get(&digest) {
            Some(key) => Credential::Known(Caller::Key(key.clone())),
            None => Credential::Claimed(Claim::Key(digest)),
        })
    }

    /// Remembers a claim that the writer has confirmed.
    ///
    /// # Errors
    /// `internal` when the writer answered something else than it was asked.
    pub fn confirm(&mut self, claim: Claim, reply: Reply) -> Result<Caller, Refusal> {
        if self.tokens.len() + self.keys.len() >= limits::CACHED_CREDENTIALS {
            self.tokens.clear();
            self.keys.clear();
        }
        match (claim, reply) {
            (
                Claim::Token {
                    digest,
                    token,
                    expires_at,
                    ..
                },
                Reply::Account(Account { user }),
            ) => {
                let session = Arc::new(Session {
                    user,
                    token,
                    expires_at,
                });
                self.tokens.insert(digest, session.clone());
                Ok(Caller::User(session))
            }
            (Claim::Key(digest), Reply::Key(key)) => {
                let key = Arc::new(key);
                self.keys.insert(digest, key.clone());
                Ok(Caller::Key(key))
            }
            _ => Err(Fault::Internal.into()),
        }
    }

    /// Forgets a user's tokens, or one of them.
    pub fn forget_user(&mut self, user: UserKey, token: Option<&TokenId>) {
        self.tokens
            .retain(|_, session| session.user.key != user || token.is_some_and(|token| *token != session.token));
    }

    /// Forgets a key.
    pub fn forget_key(&mut self, digest: &[u8; 32]) {
        self.keys.remove(digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_presented_last_is_not_taken_for_anything_else() {
        let mut last = LastPresented::default();
        let long = "x".repeat(REMEMBERED_BYTES + 1);
        for text in ["one", "one", "two", "on", "", "one", &long, &long] {
            let presented = last.present(text);
            assert_eq!((presented.text, presented.digest), (text, KeyDigest::of(text)));
        }
        assert!(last.0.is_none());
    }
}
