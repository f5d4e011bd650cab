//! Everything the store knows, as one value, and what each change does to it.

use std::sync::Arc;

use super::accounts::Accounts;
use super::conversations::Conversations;
use super::groups::Groups;
use super::integrations::Integrations;
use super::log::Log;
use crate::domain::change::Change;
use crate::domain::event::Notice;
use crate::domain::group::Group;
use crate::domain::id::UserId;
use crate::domain::message::Message;
use crate::domain::user::User;

/// The whole content of the store.
#[derive(Clone, Default, Debug)]
pub(super) struct State {
    pub(super) accounts: Accounts,
    pub(super) groups: Groups,
    pub(super) conversations: Conversations,
    pub(super) log: Log,
    pub(super) integrations: Integrations,
}

impl State {
    /// Makes one change.
    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::PutUser(user) => self.accounts.put(user),
            Change::PutPassword(user, hash) => self.accounts.put_password(*user, hash),
            Change::DropPassword(user) => self.accounts.drop_password(*user),
            Change::PutRevokedToken { user, token, .. } => self.accounts.revoke(*user, token),
            Change::PutGroup(group) => self.groups.put(group),
            Change::PutMember(group, member) => self.groups.put_member(*group, *member),
            Change::DropMember(group, user) => self.groups.drop_member(*group, *user),
            Change::PutConversation(conversation) => self.conversations.put(*conversation),
            Change::PutParticipant {
                conversation,
                user,
                position,
            } => {
                self.log.reach(*position);
                self.conversations.put_participant(*conversation, *user, *position);
            }
            Change::DropParticipant { conversation, user } => self.conversations.drop_participant(*conversation, *user),
            Change::PutMessage(message) => {
                self.log.reach(message.position);
                self.log.put_message(message);
                self.conversations.append(message);
            }
            Change::PutReceipt {
                conversation,
                user,
                receipt,
                seq,
                position,
            } => {
                self.log.reach(*position);
                self.conversations
                    .put_receipt(*conversation, *user, *receipt, *seq, *position);
            }
            Change::PutNotice(notice) => {
                self.log.reach(notice.position);
                self.log.put_notice(notice);
            }
            Change::PutKey(key) => self.integrations.put_key(key),
            Change::DropKey(id) => self.integrations.drop_key(id),
            Change::PutWebhook(webhook) => self.integrations.put_webhook(webhook),
            Change::PutWebhookPosition(id, position) => self.integrations.move_webhook(id, *position),
            Change::DropWebhook(id) => self.integrations.drop_webhook(id),
            Change::PutDelivery(delivery) => self.integrations.put_delivery(delivery),
            Change::DropDelivery(webhook, position) => self.integrations.drop_delivery(webhook, *position),
        }
    }

    /// A message with its author's name as it is now.
    pub(super) fn shown(&self, message: &Arc<Message>) -> Arc<Message> {
        match self.accounts.get(message.from).map(|author| author.display_name()) {
            Some(name) if name != message.from_name => Arc::new(Message {
                from_name: name,
                ..Message::clone(message)
            }),
            _ => message.clone(),
        }
    }

    /// A notice with its group and users as they are now.
    pub(super) fn noticed(&self, notice: &Notice) -> Arc<Notice> {
        let now = |user: &Arc<User>| self.accounts.get(user.key).unwrap_or(user).clone();
        let group = notice
            .group
            .as_ref()
            .and_then(|(group, _)| self.with_owner(self.groups.get(group.key)?));
        Arc::new(Notice {
            group,
            users: notice.users.iter().map(now).collect(),
            ..notice.clone()
        })
    }

    /// A group and its owner's id.
    pub(super) fn with_owner(&self, group: &Arc<Group>) -> Option<(Arc<Group>, UserId)> {
        Some((group.clone(), self.accounts.get(group.owner)?.id.clone()))
    }
}
