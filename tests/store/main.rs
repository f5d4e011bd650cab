//! The store: one conformance suite for every backend, and what only SQLite promises.

mod backup;
mod conformance;
mod file;
mod random;
mod sqlite;
mod store;
mod vocabulary;
