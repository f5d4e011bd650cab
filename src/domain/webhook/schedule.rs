//! When a failing event is tried again (Standard Webhooks 1.0, "Retries").

use crate::domain::id::{Position, Timestamp};

const SECOND: Timestamp = 1000;
const MINUTE: Timestamp = 60 * SECOND;
const HOUR: Timestamp = 60 * MINUTE;

/// Milliseconds after the first, second, ... failed attempt.
const DELAYS: [Timestamp; 9] = [
    5 * SECOND,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
];

/// The longest a target may send us away with `Retry-After`.
const LONGEST: Timestamp = 24 * HOUR;

/// Milliseconds until the next attempt after `attempts` failed ones, or `None` when the event is dead.
/// `retry_after` is the target's own wish in milliseconds. Up to a tenth is added, differently for each
/// event, so that a target that comes back is not hit by all at once.
pub fn delay(attempts: i64, retry_after: Option<Timestamp>, position: Position) -> Option<Timestamp> {
    let planned = *DELAYS.get(usize::try_from(attempts).ok()?.checked_sub(1)?)?;
    let wished = retry_after.unwrap_or(0).clamp(0, LONGEST);
    let delay = planned.max(wished);
    Some(delay + spread(position, attempts, delay / 10))
}

/// A number up to `most` that looks random and is always the same for the same attempt.
fn spread(position: Position, attempts: i64, most: Timestamp) -> Timestamp {
    let seed = position.0.wrapping_mul(31).wrapping_add(attempts) as u64;
    let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
    mixed as Timestamp % (most + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_follow_the_schedule_and_end() {
        for (index, planned) in DELAYS.iter().enumerate() {
            let delay = delay(index as i64 + 1, None, Position(7)).expect("not dead yet");
            assert!((*planned..=planned + planned / 10).contains(&delay), "{index}: {delay}");
        }
        assert_eq!(delay(10, None, Position(7)), None);
        assert_eq!(delay(0, None, Position(7)), None);
    }

    #[test]
    fn a_target_may_wish_for_later_but_not_for_sooner_or_for_ever() {
        let of = |wish| delay(1, Some(wish), Position(1)).expect("not dead yet");
        assert!((120 * SECOND..=132 * SECOND).contains(&of(120 * SECOND)));
        assert!(of(1) >= 5 * SECOND && of(-1) >= 5 * SECOND);
        assert!(of(i64::MAX) <= LONGEST + LONGEST / 10);
    }

    #[test]
    fn events_are_spread() {
        let delays: std::collections::HashSet<_> = (0..100).map(|at| delay(2, None, Position(at))).collect();
        assert!(delays.len() > 50, "{}", delays.len());
    }
}
