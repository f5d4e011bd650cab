//! What a webhook's target is told, in the form it understands, and what its answer means (contract section 4).

pub mod address;
pub mod request;
pub mod target;
mod text;

use crate::domain::id::{Timestamp, UserId};
use crate::domain::query::LogEntry;
use crate::domain::webhook::names;

/// Something a webhook is told of.
#[derive(Clone, PartialEq, Debug)]
pub enum Occurrence {
    /// An entry of the log.
    Entry(LogEntry),
    /// A user came online or went offline; best effort, in no log.
    Presence {
        /// Who.
        user: UserId,
        /// Which.
        online: bool,
        /// When.
        at: Timestamp,
        /// Tells occurrences of the same millisecond apart.
        serial: u64,
    },
    /// An admin tries the webhook out.
    Test(Timestamp),
}

impl Occurrence {
    /// The name of the event.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Entry(entry) => entry_name(entry),
            Self::Presence { online: true, .. } => names::USER_ONLINE,
            Self::Presence { online: false, .. } => names::USER_OFFLINE,
            Self::Test(_) => "webhook_test",
        }
    }

    /// The id of the event, the same at every attempt.
    pub fn id(&self) -> String {
        match self {
            Self::Entry(entry) => entry.position().to_event_id(),
            Self::Presence { at, serial, .. } => format!("evt_p{at}_{serial}"),
            Self::Test(at) => format!("evt_t{at}"),
        }
    }

    /// When it happened.
    pub fn timestamp(&self) -> Timestamp {
        match self {
            Self::Entry(entry) => entry.timestamp(),
            Self::Presence { at, .. } | Self::Test(at) => *at,
        }
    }
}

/// The name of the event that a log entry is.
pub fn entry_name(entry: &LogEntry) -> &'static str {
    match entry {
        LogEntry::Message(_) => names::NEW_MESSAGE,
        LogEntry::Notice(notice) => notice.kind.as_str(),
    }
}

#[cfg(test)]
mod samples;
