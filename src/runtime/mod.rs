//! Threads, sockets, files and time: the only layer that touches the machine.

pub mod random;
pub mod start;
