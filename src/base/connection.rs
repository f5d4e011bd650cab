//! The number of one connection, unique in the process for its whole life.

/// Names one connection on one shard. `slab` reuses slots at once, so the generation tells a late
/// answer for a closed connection from one for its successor in the same slot.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct ConnectionId {
    /// The shard that owns the connection.
    pub shard: u16,
    /// Counts the uses of the slot.
    pub generation: u32,
    /// The slot in the shard's slab.
    pub slot: u32,
}

impl std::fmt::Display for ConnectionId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:x}-{:x}-{:x}", self.shard, self.slot, self.generation)
    }
}
