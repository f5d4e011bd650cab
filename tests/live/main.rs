//! The real program on a free port: real files, real sockets, an independent WebSocket client, kills and restarts.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

mod client;
mod server;

mod abuse;
mod cli;
mod crash;
mod database;
mod drain;
mod durability;
mod guide;
mod operations;
mod readme;
mod sessions;
mod sync;
mod websocket;
