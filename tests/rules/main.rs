//! Who may do what, and what it comes to: commands through the committer onto a store in memory.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

mod world;

mod accounts;
mod failures;
mod groups;
mod messages;
