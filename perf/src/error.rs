//! Errors of the bench: they end the run and are read by a person.

/// Anything that stops a run, in one sentence.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

pub type Result<T> = std::result::Result<T, Error>;
