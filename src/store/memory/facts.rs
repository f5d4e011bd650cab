//! The facts the writer asks for, from its working copy.

use std::sync::Arc;

use super::MemoryBackend;
use crate::domain::command::ApiKey;
use crate::domain::conversation::{Conversation, Parties, Progress};
use crate::domain::facts::{Counters, FactSource, FactsError};
use crate::domain::group::{Group, Member};
use crate::domain::id::{ConversationKey, GroupKey, Position, UserKey};
use crate::domain::message::Message;
use crate::domain::user::{TokenId, User};
use crate::domain::webhook::{Delivery, DeliveryState, Webhook};

impl FactSource for MemoryBackend {
    fn counters(&mut self) -> Result<Counters, FactsError> {
        Ok(Counters {
            position: self.working.log.head(),
            user: self.working.accounts.highest_key(),
            group: self.working.groups.highest_key(),
            conversation: self.working.conversations.highest_key(),
        })
    }

    fn user(&mut self, key: UserKey) -> Result<Option<User>, FactsError> {
        Ok(self.working.accounts.get(key).map(|user| User::clone(user)))
    }

    fn user_by_id(&mut self, folded: &str) -> Result<Option<UserKey>, FactsError> {
        Ok(self.working.accounts.key_by_id(folded))
    }

    fn user_by_username(&mut self, folded: &str) -> Result<Option<UserKey>, FactsError> {
        Ok(self.working.accounts.key_by_username(folded))
    }

    fn is_token_revoked(&mut self, user: UserKey, token: &TokenId) -> Result<bool, FactsError> {
        Ok(self.working.accounts.is_revoked(user, token))
    }

    fn group(&mut self, key: GroupKey) -> Result<Option<Group>, FactsError> {
        Ok(self.working.groups.get(key).map(|group| Group::clone(group)))
    }

    fn group_by_id(&mut self, folded: &str) -> Result<Option<GroupKey>, FactsError> {
        Ok(self.working.groups.key_by_id(folded))
    }

    fn members(&mut self, group: GroupKey) -> Result<Vec<Member>, FactsError> {
        Ok(self.working.groups.members(group))
    }

    fn groups_of(&mut self, user: UserKey) -> Result<Vec<GroupKey>, FactsError> {
        Ok(self.working.groups.of(user).collect())
    }

    fn conversation(&mut self, parties: Parties) -> Result<Option<Conversation>, FactsError> {
        Ok(self.working.conversations.of_parties(parties).copied())
    }

    fn parties(&mut self, key: ConversationKey) -> Result<Option<Parties>, FactsError> {
        Ok(self
            .working
            .conversations
            .get(key)
            .map(|conversation| conversation.parties))
    }

    fn progress(&mut self, conversation: ConversationKey, user: UserKey) -> Result<Progress, FactsError> {
        let participant = self.working.conversations.participant(conversation, user);
        Ok(participant.map(|participant| participant.progress).unwrap_or_default())
    }

    fn recent_ids(&mut self, count: usize, each: &mut dyn FnMut(Position, UserKey, &str)) -> Result<(), FactsError> {
        self.working
            .log
            .newest(count)
            .for_each(|message| each(message.position, message.from, message.id.as_str()));
        Ok(())
    }

    fn message(&mut self, position: Position) -> Result<Option<Message>, FactsError> {
        let message = self.working.log.message(position);
        Ok(message.map(|message| Arc::unwrap_or_clone(self.working.shown(message))))
    }

    fn key(&mut self, digest: &[u8; 32]) -> Result<Option<ApiKey>, FactsError> {
        Ok(self.working.integrations.key_by_digest(digest).cloned())
    }

    fn key_by_id(&mut self, id: &str) -> Result<Option<ApiKey>, FactsError> {
        Ok(self.working.integrations.key(id).cloned())
    }

    fn webhook(&mut self, id: &str) -> Result<Option<Webhook>, FactsError> {
        Ok(self
            .working
            .integrations
            .webhook(id)
            .map(|webhook| Webhook::clone(webhook)))
    }

    fn dead_deliveries(&mut self, webhook: &str) -> Result<Vec<Delivery>, FactsError> {
        let deliveries = self.working.integrations.deliveries(webhook);
        Ok(deliveries
            .filter(|delivery| delivery.state == DeliveryState::Dead)
            .cloned()
            .collect())
    }
}
