//! A client's way from the beginning of a connection to being in sync.

use super::book::Book;
use super::wire::{self, SyncPage};

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// There is none.
    Away,
    /// The greeting of the server is awaited.
    Opening,
    /// What was missed is being asked for.
    Syncing,
    /// Messages may be sent.
    Ready,
}

/// The stage of a client, and what it remembers from one connection to the next.
pub struct Arrival {
    pub stage: Stage,
    /// When the connection was begun.
    pub began: u64,
    /// How far it was in sync.
    cursor: Option<Box<[u8]>>,
}

impl Arrival {
    /// One who has never been here.
    pub fn new() -> Self {
        Self {
            stage: Stage::Away,
            began: 0,
            cursor: None,
        }
    }

    /// Whether the server has something to say before the client is ready.
    pub fn is_under_way(&self) -> bool {
        matches!(self.stage, Stage::Opening | Stage::Syncing)
    }

    /// Enters a page that `client` received; `true` if it has to ask for more.
    pub fn take(&mut self, page: &SyncPage<'_>, client: u32, book: &mut Book) -> bool {
        if self.cursor.is_some() && !page.recovered {
            book.refused(None);
        }
        for (id, seq) in page.messages() {
            book.synced(client, id, seq);
        }
        self.cursor = Some(page.cursor.into());
        if !page.more {
            self.stage = Stage::Ready;
        }
        page.more
    }

    /// What to ask the server for.
    pub fn request(&self) -> Vec<u8> {
        wire::sync_request(self.cursor.as_deref())
    }
}
