//! Vocabulary every layer may use: bounds and the number of a connection.

pub mod connection;
pub mod limits;
