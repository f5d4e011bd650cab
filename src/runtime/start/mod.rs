//! What happens before the first connection: the data folder, its lock and secrets, the port, the limits
//! of the machine, the log. Whatever stops the start says what is wrong, why, and what to do.

pub mod disk;
pub mod driver;
pub mod file_limit;
pub mod folder;
pub mod lock;
pub mod logging;
pub mod port;
pub mod secret_file;

use std::fmt;

/// Why the server cannot start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartError {
    /// The thing and the cause: "cannot listen on 127.0.0.1:7800: in use by pid 812 (ringim)".
    pub problem: String,
    /// What to do.
    pub cure: String,
}

impl StartError {
    /// Both are sentences without the final stop.
    pub fn new(problem: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            cure: cure.into(),
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. {}", self.problem, self.cure)
    }
}

impl std::error::Error for StartError {}
