//! Readers: each query is answered from one snapshot of `im.db` and the tail that belongs to it.

mod conversations;
mod directory;
mod history;
mod operations;
mod standings;
mod sync;

use std::sync::Arc;

use rusqlite::{Connection, OpenFlags, Transaction};

use super::messages::LogLoader;
use super::open::{OpenError, Place};
use super::order::Order;
use super::tail::{SharedTail, Tail};
use crate::domain::query::{Answer, Query};
use crate::store::{QueryFault, Reader};

/// Negative KiB. Small: SQLite empties a reader's cache at every commit of the writer.
const CACHE_SIZE: i64 = -4_096;

/// One reader with connections of its own, for one thread.
pub struct SqliteReader {
    im: Connection,
    credentials: Connection,
    tail: Arc<SharedTail>,
}

/// One consistent state of the store.
struct Snapshot<'a> {
    im: Transaction<'a>,
    credentials: &'a Connection,
    tail: Arc<Tail>,
    indexed: i64,
}

type Answered<T> = Result<T, QueryFault>;

impl SqliteReader {
    pub(super) fn open(place: &Place, tail: Arc<SharedTail>) -> Result<Self, OpenError> {
        let connect = |path: &std::path::PathBuf| {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            connection.pragma_update(None, "query_only", true)?;
            connection.pragma_update(None, "cache_size", CACHE_SIZE)?;
            connection.busy_timeout(std::time::Duration::from_secs(5))?;
            connection.set_prepared_statement_cache_capacity(64);
            Ok(connection)
        };
        let open = |path: &std::path::PathBuf| connect(path).map_err(|error| OpenError::Sqlite(path.clone(), error));
        Ok(Self {
            im: open(&place.im)?,
            credentials: open(&place.credentials)?,
            tail,
        })
    }

    /// Takes the tail first, so that the file holds at least what it says, and takes it again in the rare
    /// case that messages it does not know have moved into a run meanwhile.
    fn snapshot(&self) -> rusqlite::Result<Snapshot<'_>> {
        loop {
            let tail = self.tail.get();
            let im = self.im.unchecked_transaction()?;
            let indexed = im
                .prepare_cached("SELECT indexed_position FROM meta")?
                .query_row([], |row| row.get(0))?;
            if indexed <= tail.head() {
                return Ok(Snapshot {
                    im,
                    credentials: &self.credentials,
                    tail,
                    indexed,
                });
            }
        }
    }
}

impl Reader for SqliteReader {
    fn answer(&mut self, query: &Query) -> Result<Answer, QueryFault> {
        let snapshot = self.snapshot()?;
        match query {
            Query::History {
                actor,
                conversation,
                window,
                limit,
            } => snapshot
                .history(*actor, conversation, *window, *limit)
                .map(Answer::History),
            Query::Standings {
                user,
                conversation,
                seq,
                page,
            } => snapshot
                .standings(*user, conversation, *seq, page)
                .map(Answer::Standings),
            Query::Conversations(user, page) => snapshot.conversations(*user, page).map(Answer::Conversations),
            Query::Sync { user, cursor, limit } => snapshot.sync(*user, *cursor, *limit).map(Answer::Sync),
            Query::User(id) => snapshot.user(id).map(Answer::User),
            Query::SearchUsers(prefix, page) => snapshot.search_users(prefix, page).map(Answer::Users),
            Query::Users(page) => snapshot.users(page).map(Answer::Users),
            Query::Group(actor, id) => snapshot
                .group(*actor, id)
                .map(|(group, owner)| Answer::Group(group, owner)),
            Query::Members(actor, id, page) => snapshot.members(*actor, id, page).map(Answer::Members),
            Query::GroupsOf(user, page) => snapshot.groups_of(*user, page).map(Answer::Groups),
            Query::Groups(page) => snapshot.groups(page).map(Answer::Groups),
            Query::Password(username) => snapshot.password(username).map(Answer::Password),
            Query::PasswordOf(user) => snapshot.password_of(*user).map(Answer::Password),
            Query::Sharing(user, others) => snapshot.sharing(*user, others).map(Answer::Keys),
            Query::AudienceOf { user, chat_type, peer } => {
                snapshot.audience(*user, *chat_type, peer).map(Answer::Audience)
            }
            Query::ApiKeys => snapshot.api_keys().map(Answer::ApiKeys),
            Query::Webhooks => snapshot.webhooks().map(Answer::Webhooks),
            Query::Deliveries { webhook, state, page } => {
                snapshot.deliveries(webhook, *state, page).map(Answer::Deliveries)
            }
            Query::Log { after, limit } => snapshot
                .log(after.0, *limit)
                .map(|(entries, through)| Answer::Log(entries, through)),
            Query::Counts => snapshot.counts().map(Answer::Counts),
        }
    }
}

impl Snapshot<'_> {
    fn loader(&self) -> LogLoader<'_> {
        LogLoader::new(&self.im)
    }

    fn order(&self) -> Order<'_> {
        Order::new(&self.im, &self.tail, self.indexed)
    }
}
