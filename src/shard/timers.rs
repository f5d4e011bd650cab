//! When something is due: one coarse wheel for all connections of a shard.

use crate::base::connection::ConnectionId;

/// Deadlines are met this late at the most, in milliseconds.
const TICK_MS: u64 = 250;

/// Ticks the wheel reaches ahead; what lies beyond is looked at once in between.
const SLOTS: u32 = 512;

/// No deadline.
pub const NEVER: u64 = u64::MAX;

/// A tick that never comes: those before it last for 34 years.
const NO_TICK: u32 = u32::MAX;

/// The deadline of one connection, and the wheel's entry for it.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    /// The first tick at which the time has passed.
    due: u32,
    /// The tick of the one entry in the wheel that counts; others are left over.
    entered: u32,
}

impl Default for Deadline {
    fn default() -> Self {
        Self {
            due: NO_TICK,
            entered: NO_TICK,
        }
    }
}

/// The wheel.
pub struct Timers {
    /// What is due at a tick stands in one slot alone, since no entry lies further ahead than the wheel reaches.
    slots: Vec<Vec<ConnectionId>>,
    /// Everything up to this tick has been looked at.
    done: u32,
    entries: usize,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            slots: vec![Vec::new(); SLOTS as usize],
            done: 0,
            entries: 0,
        }
    }
}

impl Timers {
    /// Sets a connection's deadline. A later one costs nothing, an earlier one an entry.
    pub fn set(&mut self, connection: ConnectionId, deadline: &mut Deadline, at_ms: u64) {
        deadline.due = to_tick(at_ms.div_ceil(TICK_MS));
        self.enter(connection, deadline);
    }

    /// Whether an entry taken out by [`Timers::due`] means that the deadline has passed. If it has moved, it
    /// is entered anew.
    pub fn has_passed(&mut self, tick: u32, connection: ConnectionId, deadline: &mut Deadline, now_ms: u64) -> bool {
        if deadline.entered != tick {
            return false;
        }
        deadline.entered = NO_TICK;
        let passed = deadline.due <= to_tick(now_ms / TICK_MS);
        if passed {
            deadline.due = NO_TICK;
        }
        self.enter(connection, deadline);
        passed
    }

    /// Takes out the entries whose tick has come.
    pub fn due(&mut self, now_ms: u64) -> Vec<(u32, ConnectionId)> {
        let now_tick = to_tick(now_ms / TICK_MS);
        if self.entries == 0 {
            self.done = self.done.max(now_tick);
            return Vec::new();
        }
        let mut due = Vec::new();
        let last = now_tick.min(self.done + SLOTS);
        while self.done < last {
            self.done += 1;
            // Taken, not emptied: a slot that was crowded once would keep its memory for good.
            let slot = std::mem::take(&mut self.slots[(self.done % SLOTS) as usize]);
            due.extend(slot.into_iter().map(|connection| (self.done, connection)));
        }
        self.done = self.done.max(now_tick);
        self.entries -= due.len();
        due
    }

    /// When to look again, in milliseconds of the monotonic clock.
    pub fn next(&self) -> Option<u64> {
        if self.entries == 0 {
            return None;
        }
        let filled = |tick: &u32| !self.slots[(tick % SLOTS) as usize].is_empty();
        (self.done + 1..=self.done + SLOTS)
            .find(filled)
            .map(|tick| u64::from(tick) * TICK_MS)
    }

    /// Enters a deadline into the wheel, as far ahead as it reaches, unless it is there early enough.
    fn enter(&mut self, connection: ConnectionId, deadline: &mut Deadline) {
        let tick = deadline.due.clamp(self.done + 1, self.done + SLOTS);
        if deadline.due != NO_TICK && tick < deadline.entered {
            deadline.entered = tick;
            self.slots[(tick % SLOTS) as usize].push(connection);
            self.entries += 1;
        }
    }
}

/// As a tick; one that is too late to be one is [`NO_TICK`].
fn to_tick(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(NO_TICK)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: ConnectionId = ConnectionId {
        shard: 0,
        generation: 0,
        slot: 0,
    };

    fn fires(timers: &mut Timers, deadline: &mut Deadline, now_ms: u64) -> bool {
        let due = timers.due(now_ms);
        due.into_iter()
            .any(|(tick, id)| timers.has_passed(tick, id, deadline, now_ms))
    }

    #[test]
    fn a_deadline_fires_once_and_not_early() {
        let (mut timers, mut deadline) = (Timers::default(), Deadline::default());
        timers.set(ID, &mut deadline, 1000);
        assert_eq!(timers.next(), Some(1000));
        assert!(!fires(&mut timers, &mut deadline, 999));
        assert!(fires(&mut timers, &mut deadline, 1000));
        assert!(!fires(&mut timers, &mut deadline, 5000));
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn a_crowded_slot_keeps_no_memory() {
        let mut timers = Timers::default();
        for _ in 0..1000 {
            timers.set(ID, &mut Deadline::default(), 1000);
        }
        assert_eq!(timers.due(1000).len(), 1000);
        assert!(timers.slots.iter().all(|slot| slot.capacity() == 0));
    }

    #[test]
    fn deadlines_move_both_ways() {
        let (mut timers, mut deadline) = (Timers::default(), Deadline::default());
        timers.set(ID, &mut deadline, 10_000);
        timers.set(ID, &mut deadline, 3_000);
        timers.set(ID, &mut deadline, 6_000);
        assert!(!fires(&mut timers, &mut deadline, 4_000));
        assert!(fires(&mut timers, &mut deadline, 6_000));
        assert!(!fires(&mut timers, &mut deadline, 20_000));
        timers.set(ID, &mut deadline, 30_000);
        timers.set(ID, &mut deadline, NEVER);
        assert!(!fires(&mut timers, &mut deadline, 60_000));
    }

    #[test]
    fn deadlines_beyond_the_wheel_are_met() {
        let (mut timers, mut deadline) = (Timers::default(), Deadline::default());
        let far = TICK_MS * u64::from(SLOTS) * 3 + 10;
        timers.set(ID, &mut deadline, far);
        let mut now = 0;
        while now < far {
            assert!(!fires(&mut timers, &mut deadline, now));
            now = timers.next().unwrap();
        }
        assert!(fires(&mut timers, &mut deadline, now));
    }

    #[test]
    fn a_long_pause_loses_nothing() {
        let (mut timers, mut deadline) = (Timers::default(), Deadline::default());
        timers.set(ID, &mut deadline, 1000);
        assert!(fires(&mut timers, &mut deadline, TICK_MS * u64::from(SLOTS) * 10));
    }
}
