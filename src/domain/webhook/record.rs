//! What the store does not know yet about a webhook's deliveries.

use std::collections::BTreeMap;

use super::Delivery;
use crate::domain::command::Command;
use crate::domain::id::Position;

/// Rows one command writes at the most.
const ROWS: usize = 1000;

/// Rows by position: to be written, or to be removed.
type Rows = BTreeMap<Position, Option<Delivery>>;

/// Gathers what is to be recorded; at most one command is under way.
#[derive(Debug)]
pub struct Unrecorded {
    recorded: Position,
    rows: Rows,
    under_way: Option<(Position, Rows)>,
}

impl Unrecorded {
    /// Nothing to record for a webhook that has come this far.
    pub fn new(recorded: Position) -> Self {
        Self {
            recorded,
            rows: Rows::new(),
            under_way: None,
        }
    }

    /// A failing event is to be written.
    pub fn put(&mut self, row: Delivery) {
        self.rows.insert(row.position, Some(row));
    }

    /// A failing event is to be removed.
    pub fn remove(&mut self, position: Position) {
        self.rows.insert(position, None);
    }

    /// Whether the store's row of this event is out of date.
    pub fn concerns(&self, position: Position) -> bool {
        let under_way = self.under_way.as_ref();
        self.rows.contains_key(&position) || under_way.is_some_and(|(_, rows)| rows.contains_key(&position))
    }

    /// Whether a command would have something to say. `reached`: everything up to here is delivered or a row.
    pub fn has_news(&self, reached: Position) -> bool {
        self.under_way.is_none() && (!self.rows.is_empty() || reached > self.recorded)
    }

    /// The next command, if there is something to record.
    pub fn command(&mut self, webhook: &str, reached: Position) -> Option<Command> {
        if !self.has_news(reached) {
            return None;
        }
        let mut rows = std::mem::take(&mut self.rows);
        if let Some(rest) = rows.keys().nth(ROWS).copied() {
            self.rows = rows.split_off(&rest);
        }
        // Rows that must wait for the next command hold the position back.
        let first_left = self.rows.keys().next().map_or(reached, |first| Position(first.0 - 1));
        let position = reached.min(first_left).max(self.recorded);
        let command = Command::RecordDeliveries {
            webhook: webhook.into(),
            position: (position > self.recorded).then_some(position),
            failing: rows.values().flatten().cloned().collect(),
            delivered: rows
                .iter()
                .filter(|(_, row)| row.is_none())
                .map(|(at, _)| *at)
                .collect(),
        };
        self.under_way = Some((position, rows));
        Some(command)
    }

    /// The command under way was committed, or was not.
    pub fn settle(&mut self, committed: bool) {
        let Some((position, rows)) = self.under_way.take() else {
            return;
        };
        if committed {
            self.recorded = position;
            return;
        }
        for (position, row) in rows {
            self.rows.entry(position).or_insert(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::webhook::DeliveryState;

    fn row(position: i64, attempts: i64) -> Delivery {
        Delivery {
            webhook: "w".into(),
            position: Position(position),
            state: DeliveryState::Retrying,
            attempts,
            next_attempt_at: 0,
            error: "".into(),
        }
    }

    fn parts(command: Option<Command>) -> Option<(Option<i64>, Vec<i64>, Vec<i64>)> {
        match command? {
            Command::RecordDeliveries {
                position,
                failing,
                delivered,
                ..
            } => Some((
                position.map(|at| at.0),
                failing.iter().map(|row| row.position.0).collect(),
                delivered.iter().map(|at| at.0).collect(),
            )),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rows_and_position_go_together_and_once() {
        let mut unrecorded = Unrecorded::new(Position(1));
        assert_eq!(parts(unrecorded.command("w", Position(1))), None);
        unrecorded.put(row(2, 1));
        unrecorded.remove(Position(1));
        assert_eq!(
            parts(unrecorded.command("w", Position(5))),
            Some((Some(5), vec![2], vec![1]))
        );
        assert_eq!(parts(unrecorded.command("w", Position(9))), None, "one is under way");
        unrecorded.settle(true);
        assert_eq!(parts(unrecorded.command("w", Position(5))), None);
    }

    #[test]
    fn a_command_that_failed_is_repeated_with_what_is_newer() {
        let mut unrecorded = Unrecorded::new(Position(0));
        unrecorded.put(row(1, 1));
        unrecorded.put(row(2, 1));
        assert!(unrecorded.command("w", Position(2)).is_some());
        unrecorded.remove(Position(1));
        assert!(unrecorded.concerns(Position(2)) && !unrecorded.concerns(Position(3)));
        unrecorded.settle(false);
        assert_eq!(
            parts(unrecorded.command("w", Position(2))),
            Some((Some(2), vec![2], vec![1]))
        );
    }

    #[test]
    fn the_position_never_passes_a_row_that_is_not_written_yet() {
        let mut unrecorded = Unrecorded::new(Position(0));
        (1..=1500).for_each(|at| unrecorded.put(row(at, 0)));
        let (position, failing, _) = parts(unrecorded.command("w", Position(1500))).expect("much to record");
        assert_eq!((position, failing.len()), (Some(1000), 1000));
        unrecorded.settle(true);
        let (position, failing, _) = parts(unrecorded.command("w", Position(1500))).expect("the rest");
        assert_eq!((position, failing.len()), (Some(1500), 500));
    }
}
