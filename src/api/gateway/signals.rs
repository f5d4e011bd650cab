//! What is never stored: typing, presence, and questions between shards.

use std::sync::Arc;

use super::Gateway;
use crate::api::connection::Protocol;
use crate::api::context::{Caller, Signal};
use crate::api::port::Output;
use crate::api::runner::Asker;
use crate::domain::conversation::ChatType;
use crate::domain::id::{UserId, UserKey};
use crate::shard::peer::{ConnectionInfo, PeerMessage};

impl Gateway {
    /// Carries out what an operation wanted beside its answer.
    pub(super) fn signal(&mut self, asker: &Asker, signal: Signal) {
        match signal {
            Signal::Typing {
                chat_type,
                to,
                audience,
            } => {
                let Caller::User(session) = &asker.caller else { return };
                let from = session.user.id.clone();
                self.show_typing(&from, chat_type, &to, &audience);
                self.runner.tell_peers(PeerMessage::Typing {
                    from,
                    chat_type,
                    to,
                    audience,
                });
            }
            Signal::Watch(users) => {
                self.presence.watch(asker.connection, &users);
                for (user, id) in users {
                    let online = !self.sessions.of(user).is_empty() || self.presence.is_elsewhere(user);
                    let frame = self.frames.presence(id.as_str(), online);
                    self.connections.push_ephemeral(asker.connection, frame);
                }
            }
        }
    }

    /// A user's first session here began or the last one ended.
    pub(super) fn announce(&mut self, user: UserKey, id: &UserId, online: bool) {
        let shard = self.shard;
        if !self.presence.is_elsewhere(user) {
            self.show_presence(user, id, online);
            self.runner.outputs.push_back(Output::Presence(id.clone(), online));
        }
        self.runner.tell_peers(PeerMessage::Presence {
            shard,
            user,
            user_id: id.clone(),
            online,
        });
    }

    /// Another shard says something.
    pub(super) fn peer_says(&mut self, message: PeerMessage) {
        match message {
            PeerMessage::Typing {
                from,
                chat_type,
                to,
                audience,
            } => self.show_typing(&from, chat_type, &to, &audience),
            PeerMessage::Presence {
                shard,
                user,
                user_id,
                online,
            } => {
                let changed = self.presence.set(user, shard, online);
                if changed && self.sessions.of(user).is_empty() {
                    self.show_presence(user, &user_id, online);
                }
            }
            PeerMessage::Attempt(attempt) => {
                let now_ms = self.runner.now.of_attempts();
                self.runner.attempts.hear(now_ms, &attempt);
            }
            PeerMessage::ListConnections { asker, ticket } => {
                let connections = self.list_connections();
                self.runner.outputs.push_back(Output::Peer(
                    Some(asker),
                    PeerMessage::Connections { ticket, connections },
                ));
            }
            PeerMessage::Connections { ticket, connections } => {
                let gatherings = &mut self.runner.gatherings;
                if let Some(gathering) = gatherings.iter_mut().find(|gathering| gathering.ticket == ticket) {
                    gathering.connections.extend(connections);
                    gathering.missing = gathering.missing.map(|missing| missing.saturating_sub(1));
                }
            }
        }
    }

    /// Completes lists of connections: adds this shard's, and ends those that are complete or waited long enough.
    pub(super) fn gather(&mut self) {
        if self.runner.gatherings.is_empty() {
            return;
        }
        let others = self.runner.setup.shards.saturating_sub(1);
        let now_ms = self.runner.now.monotonic_ms;
        let mut gatherings = std::mem::take(&mut self.runner.gatherings);
        for gathering in gatherings.iter_mut().filter(|gathering| gathering.missing.is_none()) {
            gathering.connections.extend(self.list_connections());
            gathering.missing = Some(others);
        }
        let (complete, waiting): (Vec<_>, Vec<_>) = gatherings
            .into_iter()
            .partition(|gathering| gathering.missing == Some(0) || gathering.deadline_ms <= now_ms);
        self.runner.gatherings = waiting;
        for gathering in complete {
            self.gathered(gathering.ticket, gathering.connections);
        }
    }

    /// Tells those who watch that a user came or went altogether.
    fn show_presence(&mut self, user: UserKey, id: &UserId, online: bool) {
        let frame = self.frames.presence(id.as_str(), online);
        for watcher in self.presence.watchers(user) {
            self.connections.push_ephemeral(*watcher, frame);
        }
    }

    fn show_typing(&mut self, from: &UserId, chat_type: ChatType, to: &Arc<str>, audience: &[UserKey]) {
        let frame = self.frames.typing(from.as_str(), chat_type.as_str(), to);
        for user in audience {
            self.sessions
                .of(*user)
                .iter()
                .for_each(|id| self.connections.push_ephemeral(*id, frame));
        }
    }

    fn list_connections(&self) -> Vec<ConnectionInfo> {
        let sessions = self.connections.iter().filter_map(|(id, connection)| {
            let Protocol::Live(live) = &connection.protocol else {
                return None;
            };
            let session = live.session()?;
            let client = live.client.as_ref();
            Some(ConnectionInfo {
                connection: id.to_string().into(),
                user: session.user.id.clone(),
                device: client.and_then(|client| client.device.clone()),
                platform: client.and_then(|client| client.platform.clone()),
                address: connection.address.to_string().into(),
                connected_at: live.attached_at,
            })
        });
        sessions.collect()
    }
}
