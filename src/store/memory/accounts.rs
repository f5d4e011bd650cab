//! Accounts, their passwords and their logged-out tokens.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::id::UserKey;
use crate::domain::user::{PasswordHash, TokenId, User, UserStatus};

/// Everything about accounts.
#[derive(Clone, Default, Debug)]
pub(super) struct Accounts {
    rows: BTreeMap<UserKey, Arc<User>>,
    ids: BTreeMap<String, UserKey>,
    usernames: BTreeMap<String, UserKey>,
    passwords: BTreeMap<UserKey, PasswordHash>,
    revoked: BTreeSet<(UserKey, TokenId)>,
}

impl Accounts {
    pub(super) fn put(&mut self, user: &Arc<User>) {
        if let Some(old) = self.rows.insert(user.key, user.clone()) {
            release(&mut self.ids, &old.id.folded(), old.key);
            release(&mut self.usernames, &old.username.folded(), old.key);
        }
        if user.status != UserStatus::Deleted {
            self.ids.insert(user.id.folded(), user.key);
            self.usernames.insert(user.username.folded(), user.key);
        }
    }

    pub(super) fn put_password(&mut self, user: UserKey, hash: &PasswordHash) {
        self.passwords.insert(user, hash.clone());
    }

    pub(super) fn drop_password(&mut self, user: UserKey) {
        self.passwords.remove(&user);
    }

    pub(super) fn revoke(&mut self, user: UserKey, token: &TokenId) {
        self.revoked.insert((user, *token));
    }

    pub(super) fn is_revoked(&self, user: UserKey, token: &TokenId) -> bool {
        self.revoked.contains(&(user, *token))
    }

    /// An account by key, deleted ones too.
    pub(super) fn get(&self, key: UserKey) -> Option<&Arc<User>> {
        self.rows.get(&key)
    }

    /// The key of the account that is not deleted and has this folded id.
    pub(super) fn key_by_id(&self, folded: &str) -> Option<UserKey> {
        self.ids.get(folded).copied()
    }

    /// The key of the account that is not deleted and has this folded username.
    pub(super) fn key_by_username(&self, folded: &str) -> Option<UserKey> {
        self.usernames.get(folded).copied()
    }

    /// The account that is not deleted and has exactly this id.
    pub(super) fn by_id(&self, id: &str) -> Option<&Arc<User>> {
        let user = self.get(self.key_by_id(&id.to_ascii_lowercase())?)?;
        (user.id.as_str() == id).then_some(user)
    }

    pub(super) fn password(&self, user: UserKey) -> Option<&PasswordHash> {
        self.passwords.get(&user)
    }

    /// All accounts that are not deleted, by key.
    pub(super) fn living(&self) -> impl Iterator<Item = &Arc<User>> {
        self.rows.values().filter(|user| user.status != UserStatus::Deleted)
    }

    /// The highest key ever used.
    pub(super) fn highest_key(&self) -> i64 {
        self.rows.last_key_value().map_or(0, |(key, _)| key.0)
    }
}

/// Frees a name, unless another instance has it by now.
pub(super) fn release<K: PartialEq>(names: &mut BTreeMap<String, K>, name: &str, owner: K) {
    if names.get(name) == Some(&owner) {
        names.remove(name);
    }
}
