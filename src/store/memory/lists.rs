//! Lists by page, and the rows they are made of.

use std::sync::Arc;

use super::conversations::Participant;
use super::state::State;
use crate::domain::conversation::{Conversation, Parties};
use crate::domain::group::{Group, Member};
use crate::domain::id::{GroupKey, UserId, UserKey};
use crate::domain::query::{ConversationView, Listed, Page};
use crate::domain::rejection::Rejection;
use crate::domain::user::User;
use crate::domain::webhook::{Delivery, DeliveryState};

/// A sort key of two numbers; a cursor is its text.
type SortKey = (i64, i64);

/// Cuts one page out of items in ascending order of their keys.
pub(super) fn paged<T>(items: impl Iterator<Item = (SortKey, T)>, page: &Page) -> Result<Listed<T>, Rejection> {
    let after = page
        .cursor
        .as_deref()
        .map(|text| parse(text).ok_or(Rejection::InvalidField("cursor")))
        .transpose()?;
    let mut items = items.filter(|(key, _)| after.is_none_or(|after| *key > after));
    let mut listed = Listed {
        items: Vec::new(),
        next: None,
    };
    let mut last = None;
    for (key, item) in items.by_ref().take(page.limit as usize) {
        last = Some(key);
        listed.items.push(item);
    }
    if items.next().is_some() {
        listed.next = last.map(|(first, second)| format!("{first}.{second}").into());
    }
    Ok(listed)
}

fn parse(text: &str) -> Option<SortKey> {
    let (first, second) = text.split_once('.')?;
    Some((first.parse().ok()?, second.parse().ok()?))
}

/// All accounts that are not deleted, by key.
pub(super) fn users(state: &State, page: &Page) -> Result<Listed<Arc<User>>, Rejection> {
    paged(
        state.accounts.living().map(|user| ((user.key.0, 0), user.clone())),
        page,
    )
}

/// Active accounts one of whose names begins with the text, ignoring ASCII case.
pub(super) fn search(state: &State, text: &str, page: &Page) -> Result<Listed<Arc<User>>, Rejection> {
    let text = text.as_bytes();
    let begins = |name: &str| {
        name.as_bytes()
            .get(..text.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(text))
    };
    let matches = |user: &&Arc<User>| {
        let nickname = user.nickname.as_deref();
        user.is_active() && (begins(user.id.as_str()) || begins(user.username.as_str()) || nickname.is_some_and(begins))
    };
    paged(
        state
            .accounts
            .living()
            .filter(matches)
            .map(|user| ((user.key.0, 0), user.clone())),
        page,
    )
}

/// All groups that are not dismissed, by key.
pub(super) fn groups(state: &State, page: &Page) -> Result<Listed<(Arc<Group>, UserId)>, Rejection> {
    let groups = state
        .groups
        .living()
        .filter_map(|group| Some(((group.key.0, 0), state.with_owner(group)?)));
    paged(groups, page)
}

/// The groups a user is a member of, by key.
pub(super) fn groups_of(state: &State, user: UserKey, page: &Page) -> Result<Listed<(Arc<Group>, UserId)>, Rejection> {
    let groups = state
        .groups
        .of(user)
        .filter_map(|key| state.groups.get(key))
        .filter(|group| !group.dismissed);
    paged(
        groups.filter_map(|group| Some(((group.key.0, 0), state.with_owner(group)?))),
        page,
    )
}

/// The members of a group in order of joining, with their accounts.
pub(super) fn members(state: &State, group: GroupKey, page: &Page) -> Result<Listed<(Member, Arc<User>)>, Rejection> {
    let members = state.groups.members(group).into_iter();
    let rows = members.filter_map(|member| {
        let user = state.accounts.get(member.user)?.clone();
        Some(((member.joined_at, member.user.0), (member, user)))
    });
    paged(rows, page)
}

/// A user's conversations, newest first.
pub(super) fn conversations(state: &State, user: UserKey, page: &Page) -> Result<Listed<ConversationView>, Rejection> {
    let mut rows: Vec<_> = state.conversations.of_user(user, None).collect();
    let newest_first = |conversation: &Conversation| (-conversation.last_position.0, -conversation.key.0);
    rows.sort_by_key(|(conversation, _)| newest_first(conversation));
    let views = rows.into_iter().filter_map(|(conversation, participant)| {
        Some((
            newest_first(conversation),
            view(state, user, conversation, participant)?,
        ))
    });
    paged(views, page)
}

/// The failing events of a webhook, in log order.
pub(super) fn deliveries(
    state: &State,
    webhook: &str,
    wanted: Option<DeliveryState>,
    page: &Page,
) -> Result<Listed<Delivery>, Rejection> {
    state.integrations.webhook(webhook).ok_or(Rejection::NotFound)?;
    let deliveries = state.integrations.deliveries(webhook);
    let wanted = deliveries.filter(|delivery| wanted.is_none_or(|wanted| delivery.state == wanted));
    paged(
        wanted.map(|delivery| ((delivery.position.0, 0), delivery.clone())),
        page,
    )
}

/// A conversation as one user sees it; `None` if its peer is not known.
pub(super) fn view(
    state: &State,
    user: UserKey,
    conversation: &Conversation,
    participant: &Participant,
) -> Option<ConversationView> {
    let parties = conversation.parties;
    let peer_id = match parties {
        Parties::Group(group) => state.groups.get(group)?.id.shared(),
        Parties::Pair(..) => state.accounts.get(parties.peer_of(user)?)?.id.shared(),
    };
    let last = state.log.message(conversation.last_position);
    Some(ConversationView {
        conversation: conversation.key,
        chat_type: parties.chat_type(),
        peer_id,
        head: conversation.head,
        progress: participant.progress,
        own_last: state.conversations.own_last(conversation.key, user),
        last_message: last.map(|message| state.shown(message)),
    })
}
