//! The only layer that knows sockets, threads, clocks and randomness. It drives one [`Service`] per core and
//! the threads they share: the writer, the readers, the password pool, slow operations.
//!
//! [`Service`]: crate::api::port::Service

pub mod banner;
pub mod clock;
pub mod cores;
pub mod databases;
pub mod first_key;
pub mod links;
pub mod listener;
pub mod local_event;
pub mod mailbox;
pub mod metrics;
pub mod operations;
pub mod outbound;
pub mod passwords;
pub mod random;
pub mod reactor;
pub mod readers;
pub mod serve;
pub mod server;
pub mod signals;
pub mod socket;
pub mod sockets;
pub mod start;
pub mod writer;
