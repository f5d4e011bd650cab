//! The budget of a perfect server: CPU time of the steps that no durable chat server can leave out, added up where each
//! message travels in a segment of its own. `limit` is measured beside every run; this was reckoned once.

use serde::Serialize;

use super::options::Contest;
use super::summary::Summary;
use crate::scenario::{chat, rest};

/// CPU time for a message in microseconds.
const CHAT_US: f64 = 11.6;
const REST_US: f64 = 12.0;

/// The raw echo of a message in microseconds, when the budget was reckoned.
pub const ECHO_US: f64 = 5.0;

/// CPU time for a message in microseconds, on the machine on which the echo takes [`ECHO_US`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget(pub f64);

impl Budget {
    /// Nothing where messages share segments, so that what one takes depends on how many do, or where the server is
    /// not kept busy.
    pub fn of(contest: &Contest) -> Option<Self> {
        let (load, window, budget) = match contest {
            Contest::Chat(options) => (&options.load, chat::WINDOW, CHAT_US),
            Contest::Rest(options) => (&options.load, rest::WINDOW, REST_US),
            Contest::Fanout(_) | Contest::Idle(_) => return None,
        };
        let alone = load.rate.is_none() && load.window.unwrap_or(window) == 1;
        alone.then_some(Self(budget))
    }

    /// The budget on a machine on which the echo takes `echo` microseconds.
    fn today(self, echo: f64) -> f64 {
        self.0 * echo / ECHO_US
    }
}

/// Our CPU time for a message, beside that of a perfect server, scaled by the echo of the same round.
#[derive(Debug, PartialEq, Serialize)]
pub struct BudgetMultiple {
    /// The budget where the echo takes [`ECHO_US`].
    pub reckoned: f64,
    /// The budget of each round in microseconds.
    pub today: Summary,
    /// Ours divided by it.
    pub multiple: Summary,
}

impl BudgetMultiple {
    /// Of rounds of which each has our microseconds and those of the echo.
    pub fn of(budget: Budget, rounds: impl Iterator<Item = (f64, f64)> + Clone) -> Option<Self> {
        Some(Self {
            reckoned: budget.0,
            today: Summary::of(rounds.clone().map(|(_, echo)| budget.today(echo)))?,
            multiple: Summary::of(rounds.map(|(ours, echo)| ours / budget.today(echo)))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::options::{Arguments, Scenario};

    fn budget(line: &str) -> Option<Budget> {
        match Arguments::try_parse_from(line.split(' ')).unwrap().scenario {
            Scenario::Compare(options) => Budget::of(&options.contest),
            _ => panic!("another scenario"),
        }
    }

    #[test]
    fn only_messages_in_segments_of_their_own_have_a_budget() {
        assert_eq!(budget("ringim-perf compare chat --window 1"), Some(Budget(CHAT_US)));
        assert_eq!(budget("ringim-perf compare rest"), Some(Budget(REST_US)));
        for line in [
            "chat",
            "rest --window 2",
            "rest --rate 100",
            "fanout --window 1",
            "idle",
        ] {
            assert_eq!(budget(&format!("ringim-perf compare {line}")), None, "{line}");
        }
    }

    #[test]
    fn the_budget_goes_with_the_echo_of_its_round() {
        let rounds = [(24.0, 5.0), (72.0, 15.0), (60.0, 10.0)];
        let found = BudgetMultiple::of(Budget(12.0), rounds.into_iter()).unwrap();
        assert_eq!(
            (found.today.min, found.today.median, found.today.max),
            (12.0, 24.0, 36.0)
        );
        assert_eq!(
            (found.multiple.min, found.multiple.median, found.multiple.max),
            (2.0, 2.0, 2.5)
        );
    }
}
