//! Who is online on other shards, and who wants to know. Best effort: signals between shards may be dropped.

use std::collections::BTreeSet;

use foldhash::{HashMap, HashMapExt};

use crate::base::connection::ConnectionId;
use crate::domain::id::{UserId, UserKey};

/// What one shard knows about presence.
pub struct Presence {
    /// The users with sessions on other shards, and on which. Those of this shard are in its sessions.
    elsewhere: BTreeSet<(UserKey, u16)>,
    /// The connections here that watch a user.
    watchers: HashMap<UserKey, Vec<ConnectionId>>,
    /// The users a connection here watches.
    watched: HashMap<ConnectionId, Vec<UserKey>>,
}

impl Default for Presence {
    fn default() -> Self {
        Self {
            elsewhere: BTreeSet::new(),
            watchers: HashMap::new(),
            watched: HashMap::new(),
        }
    }
}

impl Presence {
    /// A user's first session on another shard began or its last one ended there; `true` when that changes
    /// whether the user is online elsewhere.
    pub fn set(&mut self, user: UserKey, shard: u16, online: bool) -> bool {
        let before = self.is_elsewhere(user);
        if online {
            self.elsewhere.insert((user, shard));
        } else {
            self.elsewhere.remove(&(user, shard));
        }
        before != self.is_elsewhere(user)
    }

    /// Whether the user has a session on another shard.
    pub fn is_elsewhere(&self, user: UserKey) -> bool {
        let mut shards = self.elsewhere.range((user, 0)..=(user, u16::MAX));
        shards.next().is_some()
    }

    /// The connection watches these users and no others.
    pub fn watch(&mut self, connection: ConnectionId, users: &[(UserKey, UserId)]) {
        self.forget(connection);
        if users.is_empty() {
            return;
        }
        for (user, _) in users {
            self.watchers.entry(*user).or_default().push(connection);
        }
        self.watched
            .insert(connection, users.iter().map(|(user, _)| *user).collect());
    }

    /// The connection watches nobody any more.
    pub fn forget(&mut self, connection: ConnectionId) {
        for user in self.watched.remove(&connection).unwrap_or_default() {
            let Some(watchers) = self.watchers.get_mut(&user) else {
                continue;
            };
            watchers.retain(|other| *other != connection);
            if watchers.is_empty() {
                self.watchers.remove(&user);
            }
        }
    }

    /// The connections here that watch a user.
    pub fn watchers(&self, user: UserKey) -> &[ConnectionId] {
        self.watchers.get(&user).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: ConnectionId = ConnectionId {
        shard: 0,
        generation: 0,
        slot: 0,
    };

    #[test]
    fn a_user_is_elsewhere_while_on_any_other_shard() {
        let mut presence = Presence::default();
        let user = UserKey(7);
        assert!(presence.set(user, 0, true) && !presence.set(user, 1, true) && !presence.set(user, 1, true));
        assert!(!presence.set(user, 0, false) && presence.is_elsewhere(user));
        assert!(presence.set(user, 1, false) && !presence.is_elsewhere(user));
    }

    #[test]
    fn watching_replaces() {
        let mut presence = Presence::default();
        let users = [(UserKey(1), UserId::stored("a")), (UserKey(2), UserId::stored("b"))];
        presence.watch(HERE, &users);
        presence.watch(HERE, &users[1..]);
        assert!(presence.watchers(UserKey(1)).is_empty());
        assert_eq!(presence.watchers(UserKey(2)), [HERE]);
        presence.forget(HERE);
        assert!(presence.watchers(UserKey(2)).is_empty());
    }
}
