//! The rates robots accept. Above them they refuse, and some then refuse for minutes.

use std::collections::VecDeque;

use super::WebhookKind;
use crate::domain::id::Timestamp;

/// At most so many messages in so many milliseconds.
type Rate = (usize, Timestamp);

/// Clocks and networks are not exact: a window is taken this much longer.
const MARGIN_MS: Timestamp = 500;

fn rates(kind: WebhookKind) -> &'static [Rate] {
    match kind {
        WebhookKind::Json => &[],
        WebhookKind::Wecom | WebhookKind::Dingtalk => &[(20, 60_000)],
        WebhookKind::Feishu => &[(100, 60_000), (5, 1000)],
        WebhookKind::Slack => &[(1, 1000)],
    }
}

/// Remembers when messages were sent and tells when the next one may be.
#[derive(Debug)]
pub struct Pace {
    rates: &'static [Rate],
    sent: VecDeque<Timestamp>,
}

impl Pace {
    /// The pace of a target that has been sent nothing yet.
    pub fn new(kind: WebhookKind) -> Self {
        Self {
            rates: rates(kind),
            sent: VecDeque::new(),
        }
    }

    /// When the next message may be sent; not after `now` if it may be sent now.
    pub fn next_at(&self, now: Timestamp) -> Timestamp {
        let free_at = |(count, window): &Rate| {
            let earliest = self.sent.len().checked_sub(*count)?;
            Some(self.sent.get(earliest)? + window + MARGIN_MS)
        };
        self.rates.iter().filter_map(free_at).max().unwrap_or(now)
    }

    /// How many messages may be sent in a row now; `None` without a limit.
    pub fn room(&self, now: Timestamp) -> Option<usize> {
        let room = |(count, window): &Rate| {
            let recent = self.sent.iter().filter(|at| **at + window + MARGIN_MS > now);
            count.saturating_sub(recent.count())
        };
        self.rates.iter().map(room).min()
    }

    /// A message is being sent.
    pub fn note(&mut self, now: Timestamp) {
        let Some(most) = self.rates.iter().map(|(count, _)| *count).max() else {
            return;
        };
        self.sent.push_back(now);
        while self.sent.len() > most {
            self.sent.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_minute_has_more_than_twenty_messages() {
        let mut pace = Pace::new(WebhookKind::Wecom);
        let mut sent = Vec::new();
        let mut now = 1_000_000;
        for _ in 0..100 {
            now = now.max(pace.next_at(now));
            assert!(pace.room(now) > Some(0));
            pace.note(now);
            sent.push(now);
        }
        assert!(sent.windows(21).all(|window| window[20] - window[0] > 60_000));
        assert!(sent[19] == sent[0], "twenty may go at once");
    }

    #[test]
    fn both_rates_of_a_robot_hold() {
        let mut pace = Pace::new(WebhookKind::Feishu);
        (0..5).for_each(|_| pace.note(0));
        assert_eq!(pace.room(0), Some(0));
        assert_eq!(pace.next_at(0), 1500);
        assert_eq!(pace.room(1500), Some(5));
    }

    #[test]
    fn plain_webhooks_have_no_rate() {
        let mut pace = Pace::new(WebhookKind::Json);
        (0..1000).for_each(|_| pace.note(0));
        assert_eq!((pace.room(0), pace.next_at(0)), (None, 0));
        assert!(pace.sent.is_empty());
    }
}
