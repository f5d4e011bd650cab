//! Which users are connected here, by which connections.

use foldhash::{HashMap, HashMapExt};

use crate::base::connection::ConnectionId;
use crate::domain::event::Audience;
use crate::domain::id::UserKey;

/// The live sessions of one shard.
pub struct Sessions {
    by_user: HashMap<UserKey, Own>,
    count: usize,
}

/// The connections of one user to one shard. Hardly anybody has more than one, which then takes no memory elsewhere.
#[expect(
    clippy::box_collection,
    reason = "16 bytes instead of 24 in every place of the table"
)]
enum Own {
    One(ConnectionId),
    Several(Box<Vec<ConnectionId>>),
}

impl Own {
    fn as_slice(&self) -> &[ConnectionId] {
        match self {
            Self::One(connection) => std::slice::from_ref(connection),
            Self::Several(connections) => connections,
        }
    }

    fn from(connections: Vec<ConnectionId>) -> Option<Self> {
        match connections.as_slice() {
            [] => None,
            [connection] => Some(Self::One(*connection)),
            _ => Some(Self::Several(Box::new(connections))),
        }
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            by_user: HashMap::new(),
            count: 0,
        }
    }
}

impl Sessions {
    /// Adds a session; `true` when it is the user's first here.
    pub fn attach(&mut self, user: UserKey, connection: ConnectionId) -> bool {
        self.count += 1;
        let connections = [self.of(user), &[connection]].concat();
        let is_first = connections.len() == 1;
        self.put(user, connections);
        is_first
    }

    /// Removes a session; `true` when it was the user's last here.
    pub fn detach(&mut self, user: UserKey, connection: ConnectionId) -> bool {
        let mut connections = self.of(user).to_vec();
        let before = connections.len();
        connections.retain(|other| *other != connection);
        self.count -= before - connections.len();
        let is_last = before > 0 && connections.is_empty();
        self.put(user, connections);
        is_last
    }

    fn put(&mut self, user: UserKey, connections: Vec<ConnectionId>) {
        match Own::from(connections) {
            Some(own) => drop(self.by_user.insert(user, own)),
            None => drop(self.by_user.remove(&user)),
        }
    }

    /// A user's connections here.
    pub fn of(&self, user: UserKey) -> &[ConnectionId] {
        self.by_user.get(&user).map_or(&[], Own::as_slice)
    }

    /// The connections here that are to see an event, each once.
    pub fn audience(&self, audience: &Audience, found: &mut Vec<ConnectionId>) {
        match audience {
            Audience::Pair(one, other) => {
                found.extend_from_slice(self.of(*one));
                if one != other {
                    found.extend_from_slice(self.of(*other));
                }
            }
            Audience::Users(users) => users.iter().for_each(|user| found.extend_from_slice(self.of(*user))),
            Audience::Nobody => {}
        }
    }

    /// How many sessions there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether nobody is connected.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(slot: u32) -> ConnectionId {
        ConnectionId {
            shard: 0,
            generation: 0,
            slot,
        }
    }

    #[test]
    fn first_and_last_are_told() {
        let mut sessions = Sessions::default();
        let user = UserKey(1);
        assert!(sessions.attach(user, connection(1)) && !sessions.attach(user, connection(2)));
        assert!(!sessions.detach(user, connection(1)) && sessions.detach(user, connection(2)));
        assert!(!sessions.detach(user, connection(2)));
        assert!(sessions.is_empty());
    }

    #[test]
    fn a_conversation_with_oneself_is_seen_once() {
        let mut sessions = Sessions::default();
        sessions.attach(UserKey(1), connection(1));
        let mut found = Vec::new();
        sessions.audience(&Audience::Pair(UserKey(1), UserKey(1)), &mut found);
        assert_eq!(found, [connection(1)]);
    }
}
