//! The book of a worker: every message it sent and what became of it.

use hdrhistogram::Histogram;

use super::message_id::{self, MessageIds, Place};
use super::sender::{Answer, Delivery, Message, Sender, Way};
use crate::histogram::{new_histogram, record};
use crate::report::Faults;

/// What came back.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    pub acked: u64,
    /// Pushes of messages.
    pub delivered: u64,
}

/// The messages of one worker.
pub struct Book {
    ids: MessageIds,
    /// The number of the first sender among those of all workers.
    first_sender: u32,
    pub senders: Vec<Sender>,
    /// For each client, the highest number of its room's conversation that was pushed to it or acked.
    horizon: Vec<u64>,
    /// For each client, its own messages that are not answered.
    awaited: Vec<u32>,
    /// For each client, the highest number of its room's conversation that came by sync.
    synced_horizon: Vec<u64>,
    random: fastrand::Rng,
    /// Messages that are not answered, or not with all their recipients.
    pub in_flight: u64,
    /// Messages that are not answered.
    pub unanswered: u64,
    pub sent: u64,
    /// Senders that have room in their window again.
    pub completed: Vec<u32>,
    /// While measuring.
    pub measured: Counts,
    /// From the beginning on.
    pub total: Counts,
    /// Messages of others that were part of a sync, from the beginning on.
    pub synced: u64,
    /// Microseconds from the intended time to the ack.
    pub ack_latency: Histogram<u64>,
    /// Microseconds from the intended time to a delivery.
    pub delivery_latency: Histogram<u64>,
    pub faults: Faults,
}

impl Book {
    /// An empty book for the senders from number `first_sender` on, and their worker's clients.
    pub fn new(ids: MessageIds, first_sender: u32, senders: Vec<Sender>, clients: usize) -> Self {
        Self {
            ids,
            first_sender,
            senders,
            horizon: vec![0; clients],
            awaited: vec![0; clients],
            synced_horizon: vec![0; clients],
            random: fastrand::Rng::new(),
            in_flight: 0,
            unanswered: 0,
            sent: 0,
            completed: Vec::new(),
            measured: Counts::default(),
            total: Counts::default(),
            synced: 0,
            ack_latency: new_histogram(),
            delivery_latency: new_histogram(),
            faults: Faults::default(),
        }
    }

    /// Enters a new message and writes its frame.
    pub fn compose(&mut self, sender: u32, intended: u64, measured: bool, frame: &mut Vec<u8>) {
        let salt = MessageIds::salt(&mut self.random);
        let number = self.first_sender + sender;
        let sender = &mut self.senders[sender as usize];
        let place = Place {
            sender: number,
            index: sender.messages.len() as u32,
            salt,
        };
        let missing = sender.recipients();
        sender.add(Message {
            salt,
            intended,
            missing,
            answer: Answer::None,
            measured,
        });
        self.awaited[sender.client as usize] += 1;
        sender.template.render(&self.ids.write(place), frame);
        self.in_flight += 1;
        self.unanswered += 1;
        self.sent += 1;
    }

    /// Enters an ack that `client` received.
    pub fn acked(&mut self, client: u32, id: &[u8], seq: u64, now: u64, measuring: bool) {
        let Some((sender, index)) = self
            .find(id)
            .filter(|&(sender, _)| self.senders[sender].client == client)
        else {
            self.faults.misdelivered += 1;
            return;
        };
        let message = &mut self.senders[sender].messages[index];
        if message.answer != Answer::None {
            self.faults.duplicated += 1;
            return;
        }
        message.answer = Answer::Acked;
        self.unanswered -= 1;
        self.awaited[client as usize] -= 1;
        if message.measured {
            record(&mut self.ack_latency, message.intended, now);
        }
        self.total.acked += 1;
        self.measured.acked += u64::from(measuring);
        self.senders[sender].head = self.senders[sender].head.max(seq);
        self.horizon[client as usize] = self.horizon[client as usize].max(seq);
        self.complete(sender, index);
    }

    /// Enters a refusal; `id` names the message.
    pub fn refused(&mut self, id: Option<&[u8]>) {
        self.faults.refused += 1;
        let Some((sender, index)) = id.and_then(|id| self.find(id)) else {
            return;
        };
        let message = &mut self.senders[sender].messages[index];
        if message.answer == Answer::None {
            message.answer = Answer::Refused;
            message.missing = 0;
            self.unanswered -= 1;
            self.awaited[self.senders[sender].client as usize] -= 1;
            self.complete(sender, index);
        }
    }

    /// Enters a message that `client` received.
    pub fn delivered(&mut self, client: u32, id: &[u8], seq: u64, now: u64, measuring: bool) {
        let place = self.find(id);
        let slot = place.and_then(|(sender, _)| self.senders[sender].audience_slot(client));
        let (Some((number, index)), Some(slot)) = (place, slot) else {
            self.faults.misdelivered += 1;
            return;
        };
        let sender = &mut self.senders[number];
        let delivery = sender.deliver(index as u32, slot, Way::Push);
        if delivery == Delivery::Repeated {
            self.faults.duplicated += 1;
            return;
        }
        let in_order = sender.newest[slot] <= index as u32 && self.horizon[client as usize] < seq;
        self.faults.reordered += u64::from(!in_order);
        sender.newest[slot] = index as u32 + 1;
        self.horizon[client as usize] = self.horizon[client as usize].max(seq);
        let message = &sender.messages[index];
        if message.measured {
            record(&mut self.delivery_latency, message.intended, now);
        }
        self.total.delivered += 1;
        self.measured.delivered += u64::from(measuring);
        self.reached(delivery, number, index);
    }

    /// Enters a message that was part of a sync of `client`, whose own messages are among them.
    pub fn synced(&mut self, client: u32, id: &[u8], seq: u64) {
        let Some((number, index)) = self.find(id) else {
            self.faults.misdelivered += 1;
            return;
        };
        let horizon = &mut self.synced_horizon[client as usize];
        self.faults.reordered += u64::from(*horizon >= seq);
        *horizon = seq.max(*horizon);
        let sender = &mut self.senders[number];
        match sender.audience_slot(client) {
            Some(slot) => match sender.deliver(index as u32, slot, Way::Sync) {
                Delivery::Repeated => self.faults.duplicated += 1,
                delivery => {
                    self.synced += 1;
                    self.reached(delivery, number, index);
                }
            },
            None => self.faults.misdelivered += u64::from(sender.client != client),
        }
    }

    /// Counts the recipient of a message that had not come to it in another way.
    fn reached(&mut self, delivery: Delivery, sender: usize, index: usize) {
        let message = &mut self.senders[sender].messages[index];
        if delivery == Delivery::First && message.missing > 0 {
            message.missing -= 1;
            self.complete(sender, index);
        }
    }

    /// Counts what never came, once nothing more is awaited.
    pub fn close(&mut self) {
        for message in self.senders.iter().flat_map(|sender| &sender.messages) {
            match message.answer {
                Answer::None => self.faults.unanswered += 1,
                Answer::Acked => self.faults.lost += u64::from(message.missing),
                Answer::Refused => {}
            }
        }
    }

    /// Whether the message with this id was acked; `None` if it was never sent by this book.
    pub fn was_acked(&self, id: &[u8]) -> Option<bool> {
        let (sender, index) = self.find(id)?;
        Some(self.senders[sender].messages[index].answer == Answer::Acked)
    }

    /// The highest number that one of these senders' messages was given, as far as acks tell.
    pub fn head(&self, senders: &[u32]) -> u64 {
        let heads = senders.iter().map(|&sender| self.senders[sender as usize].head);
        heads.max().unwrap_or(0)
    }

    /// Whether one of these senders wrote the message with this id.
    pub fn is_by(&self, id: &[u8], senders: &[u32]) -> bool {
        self.find(id)
            .is_some_and(|(sender, _)| senders.contains(&(sender as u32)))
    }

    /// The highest number of its room's conversation that a client knows.
    pub fn newest(&self, client: u32) -> u64 {
        let client = client as usize;
        self.horizon[client].max(self.synced_horizon[client])
    }

    /// Whether all messages of a client are answered.
    pub fn awaits_nothing(&self, client: u32) -> bool {
        self.awaited[client as usize] == 0
    }

    /// Frees the place of a message in its sender's window once it is answered and delivered to all.
    fn complete(&mut self, sender: usize, index: usize) {
        let message = &self.senders[sender].messages[index];
        if message.answer != Answer::None && message.missing == 0 {
            self.in_flight -= 1;
            self.completed.push(sender as u32);
        }
    }

    /// Which message an id names: sender and index.
    fn find(&self, id: &[u8]) -> Option<(usize, usize)> {
        if id.len() != message_id::LENGTH {
            return None;
        }
        let place = self.ids.read(id)?;
        let sender = place.sender.checked_sub(self.first_sender)? as usize;
        let message = self.senders.get(sender)?.messages.get(place.index as usize)?;
        (message.salt == place.salt).then_some((sender, place.index as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::client::Transport;
    use crate::load::sender::Room;
    use crate::load::wire::Template;

    const PAIR: Room = Room {
        first_client: 0,
        members: 2,
    };

    /// A pair of senders whose first has written two messages, and their ids.
    fn book_of_two() -> (Book, Vec<Vec<u8>>) {
        let template = || Template::new(Transport::WebSocket, "u", "single", "");
        let senders = vec![Sender::new(0, PAIR, template()), Sender::new(1, PAIR, template())];
        let mut book = Book::new(MessageIds::random(), 10, senders, 4);
        let mut frame = Vec::new();
        let ids = (0..2).map(|_| {
            book.compose(0, 0, true, &mut frame);
            let text: serde_json::Value = serde_json::from_slice(&frame).unwrap();
            text["data"]["id"].as_str().unwrap().as_bytes().to_vec()
        });
        let ids = ids.collect();
        (book, ids)
    }

    fn faults(check: impl FnOnce(&mut Book, &[Vec<u8>])) -> Faults {
        let (mut book, ids) = book_of_two();
        check(&mut book, &ids);
        book.close();
        book.faults
    }

    #[test]
    fn a_sound_exchange_has_no_fault() {
        let (mut book, ids) = book_of_two();
        for (index, id) in ids.iter().enumerate() {
            let seq = index as u64 + 1;
            book.acked(0, id, seq, 5_000_000, true);
            book.delivered(1, id, seq, 7_000_000_000, true);
            assert_eq!(book.was_acked(id), Some(true));
        }
        book.close();
        assert_eq!(book.faults, Faults::default());
        assert_eq!(
            (book.measured.acked, book.measured.delivered, book.in_flight),
            (2, 2, 0)
        );
        assert_eq!(book.completed, [0, 0]);
        assert!(book.ack_latency.equivalent(book.ack_latency.max(), 5_000));
        assert!(book.delivery_latency.equivalent(book.delivery_latency.min(), 7_000_000));
    }

    #[test]
    fn each_fault_is_counted_as_itself() {
        let sound = |book: &mut Book, ids: &[Vec<u8>]| {
            for (index, id) in ids.iter().enumerate() {
                book.acked(0, id, index as u64 + 1, 0, true);
                book.delivered(1, id, index as u64 + 1, 0, true);
            }
        };
        let none = Faults::default();
        assert_eq!(
            faults(|_, _| ()),
            Faults {
                unanswered: 2,
                ..none.clone()
            }
        );
        assert_eq!(
            faults(|book, ids| ids.iter().for_each(|id| book.acked(0, id, 1, 0, true))),
            Faults {
                lost: 2,
                ..none.clone()
            }
        );
        let repeated = faults(|book, ids| {
            sound(book, ids);
            book.delivered(1, &ids[0], 1, 0, true);
            book.acked(0, &ids[0], 1, 0, true);
        });
        assert_eq!(
            repeated,
            Faults {
                duplicated: 2,
                ..none.clone()
            }
        );
        let astray = faults(|book, ids| {
            sound(book, ids);
            book.delivered(2, &ids[0], 9, 0, true);
            book.delivered(0, &ids[0], 9, 0, true);
            book.delivered(1, &[b'0'; message_id::LENGTH], 9, 0, true);
            book.acked(1, &ids[0], 9, 0, true);
        });
        assert_eq!(
            astray,
            Faults {
                misdelivered: 4,
                ..none.clone()
            }
        );
        let reordered = faults(|book, ids| {
            book.delivered(1, &ids[1], 2, 0, true);
            book.delivered(1, &ids[0], 1, 0, true);
            ids.iter().for_each(|id| book.acked(0, id, 2, 0, true));
        });
        assert_eq!(
            reordered,
            Faults {
                reordered: 1,
                ..none.clone()
            }
        );
        let refused = faults(|book, ids| ids.iter().for_each(|id| book.refused(Some(id))));
        assert_eq!(refused, Faults { refused: 2, ..none });
    }

    #[test]
    fn a_message_may_come_by_push_and_by_sync_but_not_twice_by_either() {
        let (mut book, ids) = book_of_two();
        book.acked(0, &ids[0], 1, 0, false);
        book.acked(0, &ids[1], 2, 0, false);
        book.delivered(1, &ids[0], 1, 0, false);
        for (id, seq) in ids.iter().zip(1..) {
            book.synced(1, id, seq);
            book.synced(0, id, seq);
        }
        book.delivered(1, &ids[1], 2, 0, false);
        assert_eq!((book.in_flight, book.unanswered, book.synced), (0, 0, 2));
        book.close();
        assert_eq!(book.faults, Faults::default());

        book.synced(1, &ids[1], 3);
        book.synced(1, &ids[0], 1);
        book.synced(2, &ids[0], 1);
        book.delivered(1, &ids[1], 3, 0, false);
        let faults = Faults {
            duplicated: 3,
            reordered: 1,
            misdelivered: 1,
            ..Faults::default()
        };
        assert_eq!(book.faults, faults);
    }

    #[test]
    fn who_writes_from_outside_the_room_is_heard_by_all_of_it() {
        let sender = Sender::new(2, PAIR, Template::new(Transport::Http, "u", "single", ""));
        let mut book = Book::new(MessageIds::random(), 0, vec![sender], 3);
        let mut body = Vec::new();
        book.compose(0, 0, false, &mut body);
        let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let id = value["id"].as_str().unwrap().as_bytes();
        book.acked(2, id, 1, 0, false);
        book.delivered(0, id, 1, 0, false);
        assert_eq!(book.in_flight, 1);
        book.close();
        assert_eq!(book.faults.lost, 1);
    }
}
