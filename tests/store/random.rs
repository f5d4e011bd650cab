//! Random histories of a server, from a seed: changes as decisions would make them.

use std::sync::Arc;

use ringim::domain::change::Change;
use ringim::domain::command::{ApiKey, Receipt};
use ringim::domain::conversation::Parties;
use ringim::domain::event::NoticeKind;
use ringim::domain::id::{ConversationKey, GroupKey, Position, UserKey};
use ringim::domain::user::{PasswordHash, TokenId, UserStatus};
use ringim::domain::webhook::{Delivery, DeliveryState, Webhook, WebhookKind};

use crate::vocabulary::{conversation, group, group_notice, member, participant, to_group, to_user, user};

/// A xorshift generator: the same numbers from the same seed everywhere.
#[derive(Clone)]
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// From 0 to `bound - 1`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// A conversation of the world.
#[derive(Clone, Debug)]
pub struct Talk {
    pub key: i64,
    pub parties: Parties,
    pub head: i64,
    /// Users 1 and up, in a group; both, in a pair.
    pub users: Vec<i64>,
}

/// What exists so far.
#[derive(Clone)]
pub struct World {
    pub numbers: Numbers,
    pub position: i64,
    pub users: i64,
    pub groups: i64,
    pub talks: Vec<Talk>,
}

impl World {
    pub fn new(seed: u64) -> Self {
        Self {
            numbers: Numbers::new(seed),
            position: 0,
            users: 0,
            groups: 0,
            talks: Vec::new(),
        }
    }

    /// The changes of one batch.
    pub fn batch(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        while self.users < 5 {
            changes.extend(self.new_user());
        }
        for _ in 0..=self.numbers.below(8) {
            changes.extend(self.operation());
        }
        changes
    }

    fn operation(&mut self) -> Vec<Change> {
        match self.numbers.below(24) {
            0 => self.new_user(),
            1 => self.change_user(),
            2 | 3 => self.new_pair(),
            4 => self.new_group(),
            5 => self.toggle_member(),
            6..=8 => self.receipt(),
            9 => self.integration(),
            _ => self.message(),
        }
    }

    fn next_position(&mut self) -> i64 {
        self.position += 1;
        self.position
    }

    fn any_user(&mut self) -> i64 {
        1 + self.numbers.below(self.users as usize) as i64
    }

    fn new_user(&mut self) -> Vec<Change> {
        self.users += 1;
        let hash = PasswordHash(format!("hash {}", self.users).into());
        vec![
            Change::PutUser(Arc::new(user(self.users))),
            Change::PutPassword(UserKey(self.users), hash),
        ]
    }

    /// Only what other values do not repeat: messages show the names of the moment.
    fn change_user(&mut self) -> Vec<Change> {
        let mut changed = user(self.any_user());
        let key = changed.key;
        match self.numbers.below(6) {
            0 => {
                changed.status = UserStatus::Deleted;
                return vec![Change::PutUser(Arc::new(changed)), Change::DropPassword(key)];
            }
            1 => changed.status = UserStatus::Banned,
            2 => changed.nickname = None,
            3 => changed.granted = [UserKey(1), UserKey(2)].into(),
            _ => changed.nickname = Some(format!("Other {}", self.position).into()),
        }
        let token = TokenId(u128::from(self.position as u64).to_be_bytes());
        vec![
            Change::PutUser(Arc::new(changed)),
            Change::PutRevokedToken {
                user: key,
                token,
                expires_at: i64::MAX,
            },
        ]
    }

    fn new_pair(&mut self) -> Vec<Change> {
        let (one, other) = (self.any_user(), self.any_user());
        let parties = Parties::pair(UserKey(one), UserKey(other));
        if self.talks.iter().any(|talk| talk.parties == parties) {
            return self.message();
        }
        let key = self.talks.len() as i64 + 1;
        self.talks.push(Talk {
            key,
            parties,
            head: 0,
            users: vec![one, other],
        });
        let mut changes = vec![conversation(key, parties)];
        changes.extend([one, other].map(|user| participant(key, user, self.position)));
        changes.extend(self.say(key as usize - 1));
        changes
    }

    fn new_group(&mut self) -> Vec<Change> {
        self.groups += 1;
        let (number, key) = (self.groups, self.talks.len() as i64 + 1);
        let mut users: Vec<i64> = (0..3).map(|_| self.any_user()).collect();
        users.sort();
        users.dedup();
        let parties = Parties::Group(GroupKey(number));
        let created = group(number, key, users[0], users.len() as i64);
        let mut changes = vec![Change::PutGroup(Arc::new(created.clone())), conversation(key, parties)];
        for user in &users {
            changes.push(Change::PutMember(GroupKey(number), member(*user, self.position)));
            changes.push(participant(key, *user, self.position));
        }
        let notice = group_notice(self.next_position(), NoticeKind::GroupCreated, created, &users);
        changes.push(Change::PutNotice(Arc::new(notice)));
        self.talks.push(Talk {
            key,
            parties,
            head: 0,
            users,
        });
        changes
    }

    fn toggle_member(&mut self) -> Vec<Change> {
        let user = self.any_user();
        let position = self.next_position();
        let groups: Vec<usize> = (0..self.talks.len())
            .filter(|index| matches!(self.talks[*index].parties, Parties::Group(_)))
            .collect();
        if groups.is_empty() {
            return Vec::new();
        }
        let index = *self.numbers.pick(&groups);
        let talk = &mut self.talks[index];
        let Parties::Group(GroupKey(number)) = talk.parties else {
            return Vec::new();
        };
        let key = talk.key;
        let owner = talk.users.first().copied().unwrap_or(user);
        let joins = !talk.users.contains(&user);
        let (kind, mut changes) = if joins {
            talk.users.push(user);
            let added = vec![
                Change::PutMember(GroupKey(number), member(user, position)),
                participant(key, user, position - 1),
            ];
            (NoticeKind::GroupMemberAdded, added)
        } else {
            talk.users.retain(|present| *present != user);
            let conversation = ConversationKey(key);
            let user = UserKey(user);
            let removed = vec![
                Change::DropMember(GroupKey(number), user),
                Change::DropParticipant { conversation, user },
            ];
            (NoticeKind::GroupMemberRemoved, removed)
        };
        let after = group(number, key, owner, talk.users.len() as i64);
        changes.push(Change::PutGroup(Arc::new(after.clone())));
        changes.push(Change::PutNotice(Arc::new(group_notice(
            position,
            kind,
            after,
            &[user],
        ))));
        changes
    }

    fn receipt(&mut self) -> Vec<Change> {
        if self.talks.is_empty() {
            return Vec::new();
        }
        let position = Position(self.next_position());
        let talk = self.numbers.pick(&self.talks).clone();
        if talk.users.is_empty() {
            return Vec::new();
        }
        let user = UserKey(*self.numbers.pick(&talk.users));
        let receipt = if self.numbers.below(2) == 0 {
            Receipt::Read
        } else {
            Receipt::Received
        };
        let seq = self.numbers.below(talk.head as usize + 1) as i64;
        vec![Change::PutReceipt {
            conversation: ConversationKey(talk.key),
            user,
            receipt,
            seq,
            position,
        }]
    }

    fn message(&mut self) -> Vec<Change> {
        let speaking: Vec<usize> = (0..self.talks.len())
            .filter(|index| !self.talks[*index].users.is_empty())
            .collect();
        if speaking.is_empty() {
            return Vec::new();
        }
        // A few conversations get most of it, so that rows of runs fill up.
        let few = speaking
            .len()
            .min(if self.numbers.below(3) == 0 { usize::MAX } else { 2 });
        let index = speaking[self.numbers.below(few)];
        self.say(index)
    }

    fn say(&mut self, index: usize) -> Vec<Change> {
        let position = self.next_position();
        let talk = &mut self.talks[index];
        talk.head += 1;
        let from = *self.numbers.pick(&talk.users);
        let message = match talk.parties {
            Parties::Group(group) => to_group(position, talk.key, talk.head, from, group.0),
            parties => {
                let to = parties.peer_of(UserKey(from)).map_or(from, |peer| peer.0);
                to_user(position, talk.key, talk.head, from, to)
            }
        };
        vec![Change::PutMessage(Arc::new(message))]
    }

    fn integration(&mut self) -> Vec<Change> {
        let number = 1 + self.numbers.below(3);
        let id: Box<str> = format!("hook{number}").into();
        let position = Position(self.position);
        match self.numbers.below(7) {
            0 => vec![Change::DropWebhook(id)],
            1 => vec![Change::PutWebhook(Arc::new(webhook(number, position)))],
            2 => vec![
                Change::PutWebhook(Arc::new(webhook(number, position))),
                Change::PutDelivery(delivery(id, self.position.max(1), self.numbers.below(2) == 0)),
            ],
            3 => vec![
                Change::PutWebhook(Arc::new(webhook(number, position))),
                Change::PutWebhookPosition(id, position),
            ],
            4 => vec![Change::DropDelivery(id, position)],
            5 => vec![Change::PutKey(api_key(number))],
            _ => vec![Change::DropKey(format!("key{number}").into())],
        }
    }
}

fn webhook(number: usize, position: Position) -> Webhook {
    Webhook {
        id: format!("hook{number}").into(),
        name: format!("Hook {number}").into(),
        url: "https://example.test/in".into(),
        kind: WebhookKind::Slack,
        events: vec!["new_message".into(), "*".into()],
        secret: (number == 1).then(|| "whsec_x".into()),
        enabled: number != 2,
        position,
        created_at: number as i64,
    }
}

fn delivery(webhook: Box<str>, position: i64, dead: bool) -> Delivery {
    let state = if dead {
        DeliveryState::Dead
    } else {
        DeliveryState::Retrying
    };
    Delivery {
        webhook,
        position: Position(position),
        state,
        attempts: 3,
        next_attempt_at: 77,
        error: "timeout".into(),
    }
}

fn api_key(number: usize) -> ApiKey {
    ApiKey {
        id: format!("key{number}").into(),
        name: "back end".into(),
        prefix: "rk_abc".into(),
        digest: [number as u8; 32],
        scopes: number as u8,
        created_at: number as i64,
    }
}
