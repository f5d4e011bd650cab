//! The one writer: a batch is one transaction of `im.db`, preceded by one of `credentials.db` when secrets change.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;

use super::change::{self, Orphan};
use super::checkpoint::Checkpointer;
use super::former::{self, Former, Secret};
use super::open::{self, OpenError, Place};
use super::reader::SqliteReader;
use super::tail::{Entry, SharedTail};
use super::upkeep::Upkeep;
use crate::domain::change::Change;
use crate::domain::conversation::ChatType;
use crate::domain::message::Message;
use crate::store::{Backend, StoreError};

/// SQLite's page size, which this program never changes.
const PAGE_BYTES: i64 = 4096;

/// How long the last checkpoint waits for readers.
const LAST_CHECKPOINT: Duration = Duration::from_millis(500);

/// The writer's side of the SQLite store. Readers come from [`SqliteBackend::reader`].
pub struct SqliteBackend {
    pub(super) im: Connection,
    pub(super) credentials: Connection,
    pub(super) tail: Arc<SharedTail>,
    pub(super) batch: Batch,
    pub(super) upkeep: Upkeep,
    pub(super) place: Place,
    /// What to put back into `credentials.db`, which has committed a batch that `im.db` has not.
    pub(super) ahead: Vec<Former>,
}

/// What the open batch has written, until the commit makes it known.
#[derive(Default)]
pub(super) struct Batch {
    /// Its messages, in log order. They become rows when it is committed, so that one statement serves them all.
    pub messages: Vec<Arc<Message>>,
    /// The new ones among them, from then on.
    pub entries: Vec<Entry>,
    /// The newest log position it takes.
    pub position: i64,
    /// The newest one that a message or notice carries.
    pub row_position: i64,
    /// What it replaces in `credentials.db`, whose transaction is open unless this is empty.
    pub secrets: Vec<Former>,
    /// Secrets to remove once `im.db` has committed.
    pub orphans: Vec<Orphan>,
}

impl SqliteBackend {
    /// A reader with connections of its own.
    ///
    /// # Errors
    /// When the files cannot be opened.
    pub fn reader(&self) -> Result<SqliteReader, OpenError> {
        SqliteReader::open(&self.place, Arc::clone(&self.tail))
    }

    /// Changes when the store was restored or re-created (contract section 3).
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn epoch(&self) -> Result<String, StoreError> {
        Ok(self.im.query_row("SELECT epoch FROM meta", [], |row| row.get(0))?)
    }

    /// Splits off the bulk of checkpoints, for a thread that runs [`Checkpointer::run`] while this writer lives.
    /// Without it the writer does that work between batches.
    ///
    /// # Errors
    /// When the file cannot be opened once more.
    pub fn checkpointer(&mut self) -> Result<Checkpointer, OpenError> {
        let connection = open::connect_again(&self.place)?;
        Ok(self.upkeep.checkpoints.split(connection))
    }

    /// Lets `im.db` grow by at most so many pages of 4 KiB, or without bound: how tests fill the disk.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn limit_pages(&self, more: Option<i64>) -> Result<(), StoreError> {
        let present: i64 = self.im.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        let most = more.map_or(i64::from(u32::MAX) - 1, |more| present + more);
        Ok(self.im.pragma_update(None, "max_page_count", most)?)
    }

    /// Bytes in the WAL that await a checkpoint. Grows while somebody holds a long read transaction.
    pub fn wal_bytes(&self) -> i64 {
        self.upkeep.checkpoints.pages() * PAGE_BYTES
    }

    fn put_message(&mut self, message: &Arc<Message>) -> rusqlite::Result<()> {
        self.batch.take_row(message.position.0);
        self.batch.messages.push(Arc::clone(message));
        Ok(())
    }

    fn write_messages(&mut self) -> rusqlite::Result<()> {
        let Batch { messages, entries, .. } = &mut self.batch;
        if messages.is_empty() {
            return Ok(());
        }
        entries.reserve(messages.len());
        let mut insert = self.im.prepare_cached(change::INSERT_MESSAGE)?;
        for message in messages.iter() {
            if change::put_message(&mut insert, message)? {
                entries.push(Entry {
                    conversation: message.conversation.0,
                    seq: message.seq,
                    position: message.position.0,
                    sender: message.from.0,
                    sent_at: message.timestamp,
                    in_group: message.chat_type == ChatType::Group,
                });
            }
        }
        Ok(())
    }

    /// The transaction of `credentials.db`, begun when the batch first needs it, to replace this row.
    fn secrets(&mut self, replaced: Secret) -> rusqlite::Result<&Connection> {
        if self.batch.secrets.is_empty() {
            self.credentials.execute_batch("BEGIN IMMEDIATE")?;
        }
        self.batch.secrets.push(Former::take(&self.credentials, replaced)?);
        Ok(&self.credentials)
    }

    /// Undoes in `credentials.db` what `im.db` has refused.
    fn restore_secrets(&mut self) -> rusqlite::Result<()> {
        if !self.ahead.is_empty() {
            former::restore(&mut self.credentials, &self.ahead)?;
            self.ahead.clear();
        }
        Ok(())
    }

    fn put(&mut self, change: &Change) -> rusqlite::Result<()> {
        match change {
            Change::PutUser(user) => change::put_user(&self.im, user),
            Change::PutPassword(user, hash) => {
                change::put_password(self.secrets(Secret::Password(*user))?, *user, hash)
            }
            Change::DropPassword(user) => self.orphan(Orphan::Password(*user)),
            Change::PutRevokedToken {
                user,
                token,
                expires_at,
            } => change::put_revoked_token(&self.im, *user, token, *expires_at),
            Change::PutGroup(group) => change::put_group(&self.im, group),
            Change::PutMember(group, member) => change::put_member(&self.im, *group, member),
            Change::DropMember(group, user) => change::drop_member(&self.im, *group, *user),
            Change::PutConversation(conversation) => change::put_conversation(&self.im, conversation),
            Change::PutParticipant {
                conversation,
                user,
                position,
            } => {
                self.batch.take(position.0);
                change::put_participant(&self.im, *conversation, *user, *position)
            }
            Change::DropParticipant { conversation, user } => change::drop_participant(&self.im, *conversation, *user),
            Change::PutMessage(message) => self.put_message(message),
            Change::PutReceipt {
                conversation,
                user,
                receipt,
                seq,
                position,
            } => {
                self.batch.take(position.0);
                change::put_receipt(&self.im, (*conversation, *user), *receipt, *seq, *position)
            }
            Change::PutNotice(notice) => {
                self.batch.take_row(notice.position.0);
                change::put_notice(&self.im, notice)
            }
            Change::PutKey(key) => change::put_key(self.secrets(Secret::Key(&key.id))?, key),
            Change::DropKey(id) => change::drop_key(self.secrets(Secret::Key(id))?, id),
            Change::PutWebhook(webhook) => {
                self.secrets(Secret::Webhook(&webhook.id))?;
                change::put_webhook(&self.im, &self.credentials, webhook)
            }
            Change::PutWebhookPosition(webhook, position) => change::move_webhook(&self.im, webhook, *position),
            Change::DropWebhook(webhook) => {
                super::webhooks::drop_position(&self.im, webhook)?;
                self.orphan(Orphan::Webhook(webhook.clone()))
            }
            Change::PutDelivery(delivery) => change::put_delivery(&self.im, delivery),
            Change::DropDelivery(webhook, position) => change::drop_delivery(&self.im, webhook, *position),
        }
    }

    fn orphan(&mut self, orphan: Orphan) -> rusqlite::Result<()> {
        self.batch.orphans.push(orphan);
        Ok(())
    }

    fn commit_files(&mut self) -> rusqlite::Result<()> {
        self.write_messages()?;
        if self.batch.position > self.batch.row_position {
            let sql = "UPDATE meta SET position = max(position, ?1)";
            self.im.prepare_cached(sql)?.execute([self.batch.position])?;
        }
        if !self.batch.secrets.is_empty() {
            self.credentials.execute_batch("COMMIT")?;
            self.ahead = std::mem::take(&mut self.batch.secrets);
        }
        self.im.prepare_cached("COMMIT")?.execute([])?;
        self.ahead.clear();
        Ok(())
    }

    /// Makes the committed batch known to readers, and removes the secrets it has orphaned: those are out of
    /// reach already, so a full disk may leave them for the sweep of the next start.
    fn publish(&mut self) -> Result<(), StoreError> {
        let batch = std::mem::take(&mut self.batch);
        self.upkeep.committed(batch.entries.len());
        if batch.position > 0 {
            self.tail.change(|tail| tail.append(batch.entries, batch.position));
        }
        for orphan in &batch.orphans {
            match change::drop_orphan(&self.credentials, orphan).map_err(StoreError::from) {
                Ok(()) | Err(StoreError::Full(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Batch {
    fn take(&mut self, position: i64) {
        self.position = self.position.max(position);
    }

    fn take_row(&mut self, position: i64) {
        self.take(position);
        self.row_position = self.row_position.max(position);
    }
}

impl Backend for SqliteBackend {
    /// Begins the transaction ahead of the batch. [`Backend::maintain`] gives it up again.
    fn prepare(&mut self) {
        // What is in the way now may be gone when a batch comes, which else says so.
        let _ = self.begin();
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        self.restore_secrets()?;
        if self.im.is_autocommit() {
            self.im.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        }
        Ok(())
    }

    fn write(&mut self, change: &Change) -> Result<(), StoreError> {
        Ok(self.put(change)?)
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        if let Err(error) = self.commit_files() {
            self.rollback();
            // When this fails as well, the next batch cannot begin before it has succeeded.
            if let Err(error) = self.restore_secrets() {
                tracing::warn!(%error, "refused changes of credentials are undone later");
            }
            return Err(error.into());
        }
        self.publish()
    }

    fn rollback(&mut self) {
        for connection in [&self.im, &self.credentials] {
            // SQLite may have rolled back by itself; when it cannot, the next `begin` says so.
            if !connection.is_autocommit() && connection.execute_batch("ROLLBACK").is_err() {
                tracing::error!("a batch could not be rolled back");
            }
        }
        self.batch = Batch::default();
    }

    fn close(&mut self) -> Result<(), StoreError> {
        self.rollback();
        for connection in [&self.im, &self.credentials] {
            connection.busy_timeout(LAST_CHECKPOINT)?;
            // Somebody else may still read; the next start then begins with a longer WAL.
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        }
        Ok(())
    }

    fn maintain(&mut self, idle: bool) -> Result<bool, StoreError> {
        self.rollback();
        self.upkeep.step(&self.im, &self.tail, idle)
    }
}
