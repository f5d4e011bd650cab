//! Operations of back ends by API key.

pub mod group;
pub mod key;
pub mod message;
pub mod server;
pub mod user;
pub mod webhook;
