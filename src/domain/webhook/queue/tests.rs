use std::sync::Arc;

use super::*;
use crate::domain::conversation::ChatType;
use crate::domain::id::{ConversationKey, MessageId, UserId, UserKey};
use crate::domain::message::{Body, Content, ContentType, Message};

/// The state of one webhook as its store and its target see it.
struct World {
    queue: Queue,
    rows: BTreeMap<Position, Delivery>,
    position: Position,
}

fn entry(position: i64, conversation: i64) -> LogEntry {
    LogEntry::Message(Arc::new(Message {
        position: Position(position),
        id: MessageId::stored("m"),
        conversation: ConversationKey(conversation),
        seq: position,
        chat_type: ChatType::Single,
        from: UserKey(1),
        from_id: UserId::stored("alice"),
        from_name: "Alice".into(),
        to_id: "bob".into(),
        timestamp: 0,
        body: Arc::new(Body {
            content_type: ContentType::TEXT,
            content: Content::Text("hi".into()),
            reply_to: None,
            mentions: None,
            ext: None,
        }),
    }))
}

impl World {
    /// Positions 1.. in these conversations.
    fn new(conversations: &[i64]) -> Self {
        let queue = Queue::new("w", Position(0));
        let mut world = Self {
            queue,
            rows: BTreeMap::new(),
            position: Position(0),
        };
        conversations
            .iter()
            .for_each(|conversation| world.append(*conversation));
        world
    }

    fn append(&mut self, conversation: i64) {
        let entry = entry(self.queue.read().0 + 1, conversation);
        self.queue.read_to(entry.position());
        let lane = Lane::of(&entry);
        self.queue.admit(entry, lane, 0);
    }

    fn due(&self, now: Timestamp) -> Option<i64> {
        self.queue.due(now, 1).first().map(|position| position.0)
    }

    fn attempt(&mut self, position: i64, outcome: &Outcome, now: Timestamp) {
        assert_eq!(self.due(now), Some(position));
        self.queue.start(&[Position(position)]);
        self.queue.settle(&[Position(position)], outcome, 1, now);
    }

    fn record(&mut self) {
        let Some(Command::RecordDeliveries {
            position,
            failing,
            delivered,
            ..
        }) = self.queue.record()
        else {
            return;
        };
        self.position = position.unwrap_or(self.position);
        self.rows.extend(failing.into_iter().map(|row| (row.position, row)));
        delivered.iter().for_each(|position| drop(self.rows.remove(position)));
        self.queue.recorded(true);
    }

    fn states(&self) -> Vec<(i64, DeliveryState, i64)> {
        self.rows
            .values()
            .map(|row| (row.position.0, row.state, row.attempts))
            .collect()
    }
}

fn failure() -> Outcome {
    Outcome::failed("status 500")
}

#[test]
fn the_position_follows_the_oldest_event_that_is_neither_delivered_nor_a_row() {
    let mut world = World::new(&[1, 2, 1]);
    world.record();
    assert_eq!(world.position, Position(0));
    world.queue.start(&[Position(1)]);
    world.attempt(2, &Outcome::Delivered, 0);
    world.record();
    assert_eq!(world.position, Position(0), "the first is still being sent");
    world.queue.settle(&[Position(1)], &Outcome::Delivered, 1, 0);
    world.record();
    assert_eq!((world.position, world.due(0)), (Position(2), Some(3)));
}

#[test]
fn a_failing_event_blocks_its_conversation_alone() {
    let mut world = World::new(&[1, 2, 1]);
    world.attempt(1, &failure(), 0);
    world.append(1);
    world.record();
    let retrying = DeliveryState::Retrying;
    assert_eq!(world.states(), [(1, retrying, 1), (3, retrying, 0), (4, retrying, 0)]);
    assert_eq!(&*world.rows[&Position(3)].error, "waits for evt_1");
    assert_eq!(world.position, Position(1), "2 is still fresh");
    world.attempt(2, &Outcome::Delivered, 0);
    world.record();
    assert_eq!((world.position, world.due(4999)), (Position(4), None));
    world.attempt(1, &Outcome::Delivered, 10_000);
    world.attempt(3, &Outcome::Delivered, 10_000);
    world.attempt(4, &Outcome::Delivered, 10_000);
    world.record();
    assert!(world.rows.is_empty() && world.queue.is_empty());
}

#[test]
fn an_event_that_fails_for_days_dies_and_lets_the_next_one_through() {
    let mut world = World::new(&[1, 1]);
    let mut now = 0;
    for _ in 0..10 {
        now = now.max(world.queue.next_at(false).expect("a retry is planned"));
        world.attempt(1, &failure(), now);
        // Only one event: no target that is down, whatever the probes say.
        world.queue.health = Health::default();
    }
    assert!(now > 75 * 3_600_000, "{now}");
    world.attempt(2, &Outcome::Delivered, now);
    world.record();
    assert_eq!(world.states(), [(1, DeliveryState::Dead, 10)]);
}

#[test]
fn a_replay_brings_a_dead_event_back_before_later_ones() {
    let mut world = World::new(&[1, 1, 1]);
    world.queue.forget(Position(1));
    let lane = Lane::Conversation(ConversationKey(1));
    let again = world.queue.row(Position(1), DeliveryState::Retrying, 0, 0, "");
    world.queue.restore(again.clone(), lane);
    world.queue.restore(again, lane);
    world.attempt(1, &Outcome::Delivered, 0);
    assert!(
        world.queue.knows(Position(1)),
        "the store does not know yet that it was delivered"
    );
    world.attempt(2, &Outcome::Delivered, 0);
}

#[test]
fn a_crash_repeats_and_never_loses() {
    let mut world = World::new(&[1, 2, 3, 1]);
    world.attempt(1, &failure(), 0);
    world.attempt(2, &Outcome::Delivered, 0);
    world.record();
    assert_eq!(world.position, Position(2));
    world.attempt(3, &Outcome::Delivered, 0);
    // The process dies here; 3 was delivered and not recorded.
    let mut queue = Queue::new("w", world.position);
    for row in world.rows.values() {
        queue.restore(row.clone(), Lane::Conversation(ConversationKey(1)));
    }
    assert_eq!(queue.read(), Position(2));
    assert!(queue.knows(Position(1)) && queue.knows(Position(4)));
}

#[test]
fn an_unrecorded_row_is_not_read_back_over_newer_state() {
    let mut world = World::new(&[1]);
    world.attempt(1, &failure(), 0);
    world.record();
    let row = world.rows[&Position(1)].clone();
    world.attempt(1, &Outcome::Delivered, 10_000);
    world.queue.restore(row.clone(), Lane::Conversation(ConversationKey(1)));
    assert!(world.queue.is_empty());
    world.queue.record().expect("a row to remove");
    world.queue.restore(row, Lane::Conversation(ConversationKey(1)));
    assert!(world.queue.is_empty(), "the removal is under way");
}

#[test]
fn memory_and_threads_are_bounded() {
    let mut world = World::new(&[]);
    let mut conversation = 0;
    while world.queue.room(0) > 0 {
        conversation += 1;
        world.append(conversation);
    }
    assert_eq!(world.queue.fresh.len(), limits::WEBHOOK_WINDOW);
    let mut sending = 0;
    while let Some(position) = world.due(0) {
        world.queue.start(&[Position(position)]);
        sending += 1;
    }
    assert_eq!(sending, SENDING);
    world.queue.settle(&[Position(1)], &failure(), 1, 0);
    assert_eq!(world.due(0), None, "a troubled target gets one attempt at a time");
}

#[test]
fn a_target_that_is_down_is_probed_and_its_events_stay_in_the_log() {
    let mut world = World::new(&(1..=20).collect::<Vec<_>>());
    let mut now = 0;
    while let Some(position) = world.due(now) {
        world.attempt(position, &failure(), now);
    }
    assert_eq!(world.queue.room(now), 0);
    now += 60_000;
    assert_eq!(world.queue.room(now), 1);
    world.append(21);
    while let Some(position) = world.due(now).filter(|position| *position != 21) {
        world.attempt(position, &failure(), now);
    }
    world.attempt(21, &Outcome::Delivered, now);
    assert_eq!(world.due(now), Some(1), "back again: no need to wait for the schedule");
    assert_eq!(world.queue.room(now), limits::WEBHOOK_WINDOW);
}
