//! Why a sub-command did not do what it was asked.

use std::fmt;

use crate::runtime::start::StartError;

/// What went wrong with what and why, and what to do about it.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    /// `problem` names the thing and the cause, without a full stop; `cure` says what to do.
    pub fn new(problem: impl fmt::Display, cure: impl fmt::Display) -> Self {
        Self(format!("{problem}. {cure}"))
    }

    /// A sentence of the server, which says what to do; and its word for programs.
    pub fn refused(sentence: &str, slug: &str) -> Self {
        Self(format!("{sentence} ({slug})"))
    }

    /// Says what the sub-command was about.
    pub fn about(self, subject: &str) -> Self {
        Self(format!("{subject}: {}", self.0))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Self::new(error.problem, error.cure)
    }
}
