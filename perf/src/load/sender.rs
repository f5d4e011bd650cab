//! A client that writes, and for each of its messages who has it.

use super::wire::Template;

/// Clients that hear each other: a pair, or the online members of a group.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// The first of them; the others follow.
    pub first_client: u32,
    pub members: u32,
}

/// A client that writes to its room.
pub struct Sender {
    pub client: u32,
    pub(super) room: Room,
    pub(super) template: Template,
    pub(super) messages: Vec<Message>,
    /// One bit for each member of the room and message: pushed to it.
    pushed: Vec<u64>,
    /// The same: part of a sync of it.
    synced: Vec<u64>,
    /// For each member, the index after the newest message delivered to it.
    pub(super) newest: Vec<u32>,
    /// The highest number that was acked.
    pub(super) head: u64,
}

/// How a message comes to a recipient; by each way at most once.
#[derive(Clone, Copy)]
pub(super) enum Way {
    Push,
    Sync,
}

/// What a delivery is to its recipient.
#[derive(PartialEq, Eq)]
pub(super) enum Delivery {
    First,
    /// It had come the other way, which the contract allows.
    Known,
    Repeated,
}

/// One message.
pub(super) struct Message {
    pub(super) salt: u64,
    /// When it was sent, or was due in an open loop.
    pub(super) intended: u64,
    /// Recipients that do not have it yet.
    pub(super) missing: u32,
    pub(super) answer: Answer,
    /// Whether it was intended while measuring.
    pub(super) measured: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    None,
    Acked,
    Refused,
}

impl Sender {
    /// A sender that has sent nothing yet. A `client` outside the room writes for one of its members.
    pub fn new(client: u32, room: Room, template: Template) -> Self {
        let newest = vec![0; room.members as usize];
        Self {
            client,
            room,
            template,
            messages: Vec::new(),
            pushed: Vec::new(),
            synced: Vec::new(),
            newest,
            head: 0,
        }
    }

    /// Enters a message that nobody has yet.
    pub(super) fn add(&mut self, message: Message) {
        self.messages.push(message);
        let words = self.messages.len() * self.words_per_message();
        self.pushed.resize(words, 0);
        self.synced.resize(words, 0);
    }

    fn words_per_message(&self) -> usize {
        (self.room.members as usize).div_ceil(64)
    }

    /// The place of a client in the room, unless it is outside or the sender itself.
    pub(super) fn audience_slot(&self, client: u32) -> Option<usize> {
        let slot = client.checked_sub(self.room.first_client)?;
        (slot < self.room.members && client != self.client).then_some(slot as usize)
    }

    /// Clients that every message must reach.
    pub(super) fn recipients(&self) -> u32 {
        let place = self.client.checked_sub(self.room.first_client);
        self.room.members - u32::from(place.is_some_and(|place| place < self.room.members))
    }

    /// Notes a delivery.
    pub(super) fn deliver(&mut self, index: u32, slot: usize, way: Way) -> Delivery {
        let word = index as usize * self.words_per_message() + slot / 64;
        let bit = 1 << (slot % 64);
        let (this, other) = match way {
            Way::Push => (&mut self.pushed[word], self.synced[word]),
            Way::Sync => (&mut self.synced[word], self.pushed[word]),
        };
        let (repeated, known) = (*this & bit != 0, other & bit != 0);
        *this |= bit;
        match (repeated, known) {
            (true, _) => Delivery::Repeated,
            (false, true) => Delivery::Known,
            (false, false) => Delivery::First,
        }
    }
}
