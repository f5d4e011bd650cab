//! Commits: events to local sessions and answers to waiting callers, each in its place.

use super::Gateway;
use crate::api::connection::Connection;
use crate::api::wire::live::Farewell;
use crate::base::connection::ConnectionId;
use crate::domain::event::{Audience, CommittedBatch, Event, SessionEnd};
use crate::domain::id::UserKey;
use crate::domain::user::TokenId;

impl Gateway {
    /// Takes one commit. An answer follows exactly those events that come before it in the log, so that the ack of
    /// a message follows the pushes of all earlier ones.
    pub(super) fn committed(&mut self, batch: &CommittedBatch) {
        let mut events = batch.events.as_slice();
        let mut delivered = 0;
        let shard = self.shard;
        for settlement in batch
            .settlements
            .iter()
            .filter(|settlement| settlement.ticket.asker == shard)
        {
            let before = (settlement.events_before as usize)
                .saturating_sub(delivered)
                .min(events.len());
            let (due, later) = events.split_at(before);
            due.iter().for_each(|event| self.deliver(event));
            (events, delivered) = (later, delivered + before);
            self.settled(settlement.ticket.number, settlement.result.clone());
        }
        events.iter().for_each(|event| self.deliver(event));
    }

    fn deliver(&mut self, event: &Event) {
        match event {
            Event::Message {
                message,
                audience,
                origin,
            } => {
                if self.find_recipients(audience, *origin) {
                    let frame = self.frames.message(message);
                    self.recipients.iter().for_each(|id| self.connections.push(*id, frame));
                }
            }
            Event::Receipt {
                conversation,
                user,
                receipt,
                seq,
                audience,
                origin,
            } => {
                if self.find_recipients(audience, *origin) {
                    let frame = self.frames.receipt(*conversation, user.as_str(), *receipt, *seq);
                    self.recipients.iter().for_each(|id| self.connections.push(*id, frame));
                }
            }
            Event::Notice { notice, audience } => {
                if self.find_recipients(audience, None) {
                    let frame = self.frames.event(notice);
                    self.recipients.iter().for_each(|id| self.connections.push(*id, frame));
                }
            }
            Event::SessionsEnded { user, token, reason } => self.end_sessions(*user, token.as_ref(), *reason),
            Event::UserChanged(user) => self.credentials.forget_user(*user, None),
            Event::KeyRevoked(digest) => self.credentials.forget_key(digest),
            Event::WebhooksChanged => {}
        }
    }

    /// Finds and counts the local connections that are to see an event; `false` when there are none.
    fn find_recipients(&mut self, audience: &Audience, origin: Option<ConnectionId>) -> bool {
        self.recipients.clear();
        self.sessions.audience(audience, &mut self.recipients);
        if let Some(origin) = origin {
            self.recipients.retain(|id| *id != origin);
        }
        self.deliveries += self.recipients.len() as u64;
        !self.recipients.is_empty()
    }

    fn end_sessions(&mut self, user: UserKey, token: Option<&TokenId>, reason: SessionEnd) {
        self.credentials.forget_user(user, token);
        for id in self.sessions.of(user).to_vec() {
            let live = self.connections.get(id).and_then(Connection::live);
            let own_token = live.and_then(|live| live.session()).map(|session| &session.token);
            if token.is_none_or(|token| own_token == Some(token)) {
                self.farewell(id, Farewell::from(reason));
            }
        }
    }
}
