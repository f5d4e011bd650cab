//! Operations of users and back ends, for REST and, where the contract has both, for WebSocket.

pub mod account;
pub mod field;
pub mod group;
pub mod message;
pub mod server;
pub mod session;
pub mod sync;
pub mod user;
