//! Sending, and receipts.

use std::sync::Arc;

use super::{Decision, acting_user, active_user};
use crate::base::connection::ConnectionId;
use crate::domain::change::Change;
use crate::domain::command::{Actor, ConversationRef, Receipt, Reply, Send, Sent};
use crate::domain::conversation::{ChatType, Conversation, Parties};
use crate::domain::event::{Audience, Event};
use crate::domain::facts::Lookup;
use crate::domain::id::{ConversationKey, Position, Timestamp, UserKey};
use crate::domain::message::Message;
use crate::domain::rejection::{Refusal, Rejection};
use crate::domain::user::User;

/// Where a message goes: who it is addressed to, and who sees it.
struct Destination {
    parties: Parties,
    to_id: Arc<str>,
    audience: Audience,
}

pub fn send(
    actor: Actor,
    send: &Send,
    origin: Option<ConnectionId>,
    facts: &mut Lookup<'_>,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let sender = sender(actor, send, facts)?;
    if let Some(earlier) = facts.recent_message(sender.key, send.id.as_str())? {
        return repeat(send, &earlier);
    }
    let destination = destination(&sender, send, facts)?;
    let mut changes = Vec::with_capacity(1);
    let conversation = match facts.conversation(destination.parties)? {
        Some(conversation) => conversation,
        None => begin(destination.parties, facts, &mut changes)?,
    };
    let message = Arc::new(Message {
        position: facts.next_position()?,
        id: send.id.clone(),
        conversation: conversation.key,
        seq: conversation.head + 1,
        chat_type: send.chat_type,
        from: sender.key,
        from_id: sender.id.clone(),
        from_name: sender.display_name(),
        to_id: destination.to_id,
        timestamp: now.max(conversation.last_at),
        body: send.body.clone(),
    });
    changes.push(Change::PutMessage(message.clone()));
    let reply = Reply::Sent(sent(&message, false));
    let events = vec![Event::Message {
        message,
        audience: destination.audience,
        origin,
    }];
    Ok(Decision { changes, events, reply })
}

/// The author: the actor, an identity granted to it, or whom an admin names (contract section 2, sender rule).
fn sender(actor: Actor, send: &Send, facts: &mut Lookup<'_>) -> Result<Arc<User>, Refusal> {
    let from = send.from.as_ref();
    let Actor::User(key) = actor else {
        let from = from.ok_or(Rejection::InvalidField("fromId"))?;
        let key = facts.require_user(from.as_str())?.key;
        return active_user(key, facts);
    };
    let own = active_user(key, facts)?;
    match from {
        Some(from) if *from != own.id => {
            let identity = facts
                .user_by_id(from.as_str())?
                .filter(|user| own.granted.contains(&user.key));
            let identity = identity.ok_or(Rejection::SenderMismatch)?;
            active_user(identity.key, facts)
        }
        _ => Ok(own),
    }
}

fn sent(message: &Message, duplicate: bool) -> Sent {
    Sent {
        id: message.id.clone(),
        conversation: message.conversation,
        seq: message.seq,
        timestamp: message.timestamp,
        duplicate,
    }
}

/// The first result again, whatever the sender may do there by now; or a conflict.
fn repeat(send: &Send, earlier: &Message) -> Result<Decision, Refusal> {
    let same = earlier.chat_type == send.chat_type && *earlier.to_id == *send.to && earlier.body.same_as(&send.body);
    if !same {
        return Err(Rejection::IdConflict.into());
    }
    Ok(Decision::reply(Reply::Sent(sent(earlier, true))))
}

fn destination(sender: &User, send: &Send, facts: &mut Lookup<'_>) -> Result<Destination, Refusal> {
    match send.chat_type {
        ChatType::Single => {
            let peer = facts.require_user(&send.to)?;
            Ok(Destination {
                parties: Parties::pair(sender.key, peer.key),
                to_id: peer.id.shared(),
                audience: Audience::Pair(sender.key, peer.key),
            })
        }
        ChatType::Group => {
            let group = facts.group_by_id(&send.to)?.ok_or(Rejection::GroupNotFound)?;
            let members = facts.members(group.key)?;
            members.get(sender.key).ok_or(Rejection::NotAMember)?;
            Ok(Destination {
                parties: Parties::Group(group.key),
                to_id: group.id.shared(),
                audience: Audience::Users(members.audience()),
            })
        }
    }
}

/// Opens a conversation of two users and lists it for both.
fn begin(parties: Parties, facts: &mut Lookup<'_>, changes: &mut Vec<Change>) -> Result<Conversation, Refusal> {
    let key = facts.next_conversation()?;
    let conversation = Conversation {
        key,
        parties,
        head: 0,
        last_position: Position(0),
        last_at: 0,
    };
    changes.push(Change::PutConversation(conversation));
    if let Parties::Pair(low, high) = parties {
        let position = facts.head()?;
        changes.push(Change::PutParticipant {
            conversation: key,
            user: low,
            position,
        });
        if high != low {
            changes.push(Change::PutParticipant {
                conversation: key,
                user: high,
                position,
            });
        }
    }
    Ok(conversation)
}

pub fn acknowledge(
    actor: Actor,
    conversation: &ConversationRef,
    receipt: Receipt,
    seq: i64,
    origin: Option<ConnectionId>,
    facts: &mut Lookup<'_>,
) -> Result<Decision, Refusal> {
    let user = acting_user(actor, facts)?;
    let parties = parties_of(user.key, conversation, facts)?;
    let audience = receipt_audience(user.key, parties, facts)?;
    let conversation = facts.conversation(parties)?.ok_or(Rejection::NotFound)?;
    let progress = facts.source().progress(conversation.key, user.key)?;
    let before = match receipt {
        Receipt::Read => progress.read,
        Receipt::Received => progress.received,
    };
    let seq = seq.min(conversation.head);
    let key = conversation.key;
    if seq <= before {
        return Ok(Decision::reply(Reply::Receipt {
            conversation: key,
            seq: before,
        }));
    }
    let position = facts.next_position()?;
    Ok(Decision {
        changes: vec![Change::PutReceipt {
            conversation: key,
            user: user.key,
            receipt,
            seq,
            position,
        }],
        events: vec![Event::Receipt {
            conversation: key,
            user: user.id.clone(),
            receipt,
            seq,
            audience,
            origin,
        }],
        reply: Reply::Receipt { conversation: key, seq },
    })
}

/// The parties of a conversation that the user named, if it may see it.
fn parties_of(user: UserKey, named: &ConversationRef, facts: &mut Lookup<'_>) -> Result<Parties, Refusal> {
    match named {
        ConversationRef::Key(key) => known_parties(*key, facts),
        ConversationRef::Peer(ChatType::Single, peer) => Ok(Parties::pair(user, facts.require_user(peer)?.key)),
        ConversationRef::Peer(ChatType::Group, group) => {
            let group = facts.group_by_id(group)?.ok_or(Rejection::GroupNotFound)?;
            Ok(Parties::Group(group.key))
        }
        ConversationRef::Pair(..) => Err(Rejection::Forbidden.into()),
    }
}

fn known_parties(key: ConversationKey, facts: &mut Lookup<'_>) -> Result<Parties, Refusal> {
    Ok(facts.parties(key)?.ok_or(Rejection::NotFound)?)
}

/// Who is told: in a single conversation both; in a group the reader's own devices alone, since every
/// member telling every other would cost the square of the group's size.
fn receipt_audience(user: UserKey, parties: Parties, facts: &mut Lookup<'_>) -> Result<Audience, Refusal> {
    match parties {
        Parties::Pair(low, high) if parties.peer_of(user).is_some() => Ok(Audience::Pair(low, high)),
        Parties::Pair(..) => Err(Rejection::NotAMember.into()),
        Parties::Group(group) => {
            facts.members(group)?.get(user).ok_or(Rejection::NotAMember)?;
            Ok(Audience::Pair(user, user))
        }
    }
}
