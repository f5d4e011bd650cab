//! Clients that load the server, and the book of every message they sent.
//!
//! A [`worker::Worker`] is one thread with its own epoll and some of the clients. Clients that write to each other
//! (a *room*: a pair, or a group) belong to the same worker, so its [`book::Book`] is shared with nobody.

pub mod activity;
pub mod arrival;
pub mod book;
pub mod client;
pub mod clock;
pub mod message_id;
pub mod opening;
pub mod pacer;
pub mod pages;
pub mod poller;
pub mod repeats;
pub mod response;
pub mod run;
pub mod sender;
pub mod source;
pub mod tally;
pub mod wire;
pub mod worker;
