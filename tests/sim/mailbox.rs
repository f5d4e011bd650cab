//! The mailbox of a simulated shard, faithful unless a bug is planted in it.

use std::collections::VecDeque;
use std::sync::Arc;

use ringim::api::port::{Input, PasswordResult};
use ringim::domain::event::{CommittedBatch, Settlement};
use ringim::domain::query::Answer;
use ringim::domain::rejection::Rejection;
use ringim::shard::peer::PeerMessage;

use crate::bugs::Bug;
use crate::random::Random;

/// What a shard is told from outside its sockets.
#[derive(Clone)]
pub enum Mail {
    Committed(Arc<CommittedBatch>),
    Answered(u64, Box<Result<Answer, Rejection>>),
    Hashed(u64, String),
    Verified(u64, bool),
    Peer(PeerMessage),
}

impl Mail {
    pub fn into_input<'a>(self) -> Input<'a> {
        match self {
            Self::Committed(batch) => Input::Committed(batch),
            Self::Answered(ticket, answer) => Input::Answered(ticket, answer),
            Self::Hashed(ticket, hash) => {
                let hash = ringim::domain::user::PasswordHash(hash.into());
                Input::PasswordDone(ticket, PasswordResult::Hashed(hash))
            }
            Self::Verified(ticket, matched) => Input::PasswordDone(ticket, PasswordResult::Verified(matched)),
            Self::Peer(message) => Input::Peer(message),
        }
    }
}

/// Mail in order, and whether the shard knows that there is some.
pub struct Mailbox {
    mail: VecDeque<Mail>,
    awake: bool,
    bug: Option<Bug>,
}

fn without_events(mail: Mail) -> Mail {
    let Mail::Committed(batch) = mail else { return mail };
    let settlements = batch.settlements.iter().cloned();
    let settlements = settlements
        .map(|settlement| Settlement {
            events_before: 0,
            ..settlement
        })
        .collect();
    Mail::Committed(Arc::new(CommittedBatch {
        head: batch.head,
        events: Vec::new(),
        settlements,
    }))
}

/// How often a planted bug strikes, in a thousand.
const STRIKES: usize = 100;

impl Mailbox {
    pub fn new(bug: Option<Bug>) -> Self {
        Self {
            mail: VecDeque::new(),
            awake: false,
            bug,
        }
    }

    pub fn send(&mut self, mut mail: Mail, random: &mut Random) {
        let strike = self
            .bug
            .filter(|_| matches!(mail, Mail::Committed(_)) && random.per_mille(STRIKES));
        let was_empty = self.mail.is_empty();
        match strike {
            Some(Bug::DroppedBatch) => return,
            Some(Bug::LostEvents) => mail = without_events(mail),
            Some(Bug::BatchTwice) => self.mail.push_back(mail.clone()),
            Some(Bug::BatchesSwapped) if matches!(self.mail.back(), Some(Mail::Committed(_))) => {
                self.mail.insert(self.mail.len() - 1, mail);
                return;
            }
            _ => {}
        }
        self.mail.push_back(mail);
        self.awake |= !(was_empty && strike == Some(Bug::LostWake));
    }

    /// The next mail of a shard that is awake.
    pub fn take(&mut self) -> Option<Mail> {
        let mail = self.mail.pop_front().filter(|_| self.awake);
        self.awake &= !self.mail.is_empty();
        mail
    }

    pub fn has_work(&self) -> bool {
        self.awake && !self.mail.is_empty()
    }
}
