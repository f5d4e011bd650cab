//! One core's chat: who is connected here, who waits for what, when something is due. Speaks of users, connections
//! and events, never of bytes.

pub mod attempts;
pub mod peer;
pub mod presence;
pub mod sessions;
pub mod tickets;
pub mod timers;
