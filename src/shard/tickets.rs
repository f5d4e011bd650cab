//! Who waits for an answer from outside the shard.

use slab::Slab;

/// Waiting callers by number. A number is never used twice, so a late answer finds nobody.
pub struct Tickets<T> {
    slots: Slab<(u32, T)>,
    next_generation: u32,
    most: usize,
}

impl<T> Tickets<T> {
    /// Room for at most `most` waiting callers.
    pub fn new(most: usize) -> Self {
        Self {
            slots: Slab::new(),
            next_generation: 0,
            most,
        }
    }

    /// Remembers a caller under a new number.
    ///
    /// # Errors
    /// Gives it back when there is no room.
    pub fn insert(&mut self, waiting: T) -> Result<u64, T> {
        if self.slots.len() >= self.most {
            return Err(waiting);
        }
        let generation = self.next_generation;
        self.next_generation = generation.wrapping_add(1);
        let slot = self.slots.insert((generation, waiting));
        Ok(u64::from(generation) << 32 | slot as u64)
    }

    /// Takes the caller with this number, if it still waits.
    pub fn take(&mut self, number: u64) -> Option<T> {
        let (generation, slot) = ((number >> 32) as u32, (number & u64::from(u32::MAX)) as usize);
        match self.slots.get(slot) {
            Some((found, _)) if *found == generation => Some(self.slots.remove(slot).1),
            _ => None,
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_answers_once() {
        let mut tickets = Tickets::new(2);
        let first = tickets.insert("a").unwrap();
        let second = tickets.insert("b").unwrap();
        assert_eq!(tickets.insert("c"), Err("c"));
        assert_eq!(tickets.take(first), Some("a"));
        let third = tickets.insert("d").unwrap();
        assert_eq!(tickets.take(first), None);
        assert_eq!((tickets.take(second), tickets.take(third)), (Some("b"), Some("d")));
        assert!(tickets.is_empty());
    }
}
