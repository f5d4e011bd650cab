//! What kind of world a seed makes: how big, how fast each part of it is, and what goes wrong in it.

use crate::bugs::Bug;
use crate::random::Random;

/// What can happen next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// A device does something.
    Act,
    /// Bytes reach the server.
    Deliver,
    /// Bytes reach a device.
    Flush,
    /// A shard takes its next mail.
    Mail,
    /// The writer commits what waits.
    Commit,
    /// A reader answers.
    Answer,
    /// The password pool does a job.
    Password,
    /// Time passes.
    Time,
    /// Something goes wrong.
    Fault,
}

impl Step {
    pub const ALL: [Self; 9] = [
        Self::Act,
        Self::Deliver,
        Self::Flush,
        Self::Mail,
        Self::Commit,
        Self::Answer,
        Self::Password,
        Self::Time,
        Self::Fault,
    ];
}

/// A world's fixed traits.
pub struct Plan {
    pub shards: u16,
    pub users: usize,
    pub clients: usize,
    /// Actions that are no reactions.
    pub actions: usize,
    /// How likely each step is, in the order of [`Step::ALL`]. A low weight makes that part of the world lag.
    pub weights: [usize; 9],
    /// How often a device that acts goes away, stalls or begins anew, in a thousand.
    pub unrest: usize,
    /// Messages of a page of `sync`.
    pub sync_limit: usize,
    /// Most messages are long and time passes slowly, so that a device which does not read is cut for what
    /// waits for it.
    pub long_messages: bool,
    pub bug: Option<Bug>,
}

impl Plan {
    pub fn new(random: &mut Random, bug: Option<Bug>) -> Self {
        let mut weights = [0; 9].map(|_: usize| [2, 8, 8, 32, 64][random.below(5)]);
        weights[Step::Time as usize] = random.between(1, 4);
        weights[Step::Fault as usize] = random.below(3);
        let long_messages = random.per_mille(5);
        let users = if long_messages { 2 } else { random.between(2, 4) };
        Self {
            shards: random.between(1, 3) as u16,
            users,
            clients: users + random.below(3),
            actions: if long_messages { 150 } else { random.between(15, 80) },
            weights,
            unrest: random.between(20, 200),
            sync_limit: random.between(1, 12),
            long_messages,
            bug,
        }
    }
}
