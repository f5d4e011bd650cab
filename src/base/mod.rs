//! Vocabulary every layer may use: bounds, the number of a connection, secrets.

pub mod connection;
pub mod limits;
pub mod secret;
