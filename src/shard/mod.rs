//! One core's chat: sessions, fan-out, presence, tickets, timers. Speaks commands and events, never bytes.

pub mod peer;
