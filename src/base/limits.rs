//! The bound of every queue and cache, and what happens when it is reached.
//! What an operator may change is a setting instead (`config`).

/// Batches of commands waiting for the writer, over all shards. A batch holds at least one command, so one shard
/// reaches [`COMMANDS_IN_FLIGHT`] first. Full: the commands are answered `busy`.
pub const WRITER_QUEUE_BATCHES: usize = COMMANDS_IN_FLIGHT;

/// Commands one shard may have under way at the writer. Full: `busy`.
pub const COMMANDS_IN_FLIGHT: usize = 32 * 1024;

/// Commands one commit takes at the most, so that the first of a batch does not wait for ever.
pub const COMMANDS_PER_COMMIT: usize = 4096;

/// Messages in a shard's mailbox. Full: the writer waits (shards always drain), shards drop ephemeral ones.
pub const MAILBOX_MESSAGES: usize = 4096;

/// Queries waiting for a reader thread: more than ten thousand clients that come back at once have. Full: `busy`.
pub const READER_QUEUE: usize = 16_384;

/// Passwords waiting to be hashed. Full: `busy`.
pub const PASSWORD_QUEUE: usize = 64;

/// Bytes waiting in one connection's outbox. Full: the connection is cut (4002) and recovers by `sync`.
pub const OUTBOX_BYTES: usize = 1024 * 1024;

/// Bytes of a connection's outbox above which ephemeral pushes (typing, presence) are dropped.
pub const OUTBOX_EPHEMERAL_BYTES: usize = 64 * 1024;

/// Requests of one connection under way at once. Reached: the connection is not read until one is answered.
pub const REQUESTS_PER_CONNECTION: usize = 256;

/// Nesting of JSON from outside (contract section 2).
pub const JSON_DEPTH: usize = 32;

/// Items of a list page (contract section 2).
pub const PAGE_ITEMS_MAX: u32 = 200;

/// Items of a page when the caller names no `limit`.
pub const PAGE_ITEMS_DEFAULT: u32 = 50;

/// Bytes of one page of `sync` (contract section 3), of a history or of `pull`.
pub const PAGE_BYTES: usize = 512 * 1024;

/// Newest messages of each conversation in a first `sync`, when the caller names no `limit`.
pub const SYNC_MESSAGES_DEFAULT: u32 = 20;

/// Users or items of one bulk request (contract section 2).
pub const BULK_ITEMS: usize = 1000;

/// Members one group may have.
pub const GROUP_MEMBERS: usize = 10_000;

/// User ids of one `presence` subscription (contract section 3).
pub const PRESENCE_USERS: usize = 200;

/// Facts of each kind that the writer caches; above it the cache is emptied and filled anew.
pub const CACHED_FACTS: usize = 1_000_000;

/// Log lines waiting for the log's thread. Full: they are dropped, and their number is logged.
pub const LOG_LINES: usize = 4096;

/// Verified tokens and keys one shard remembers; above it they are all forgotten and verified anew.
/// Just what a hash table of 8,192 places holds.
pub const CACHED_CREDENTIALS: usize = 7168;

/// Wrong API keys from one address in a minute; above it they are answered 429 instead of 401. The right key is
/// never refused.
pub const WRONG_KEYS_PER_MINUTE: u32 = 20;

/// Milliseconds a WebSocket without a token has for its first frame (contract section 3).
pub const AUTHENTICATE_MS: u64 = 5_000;

/// Milliseconds between two pings (contract section 3).
pub const PING_MS: u64 = 25_000;

/// Pings without any sign of life after which a peer is dead (contract section 3).
pub const MISSED_PINGS: u8 = 2;

/// Milliseconds a peer has to close after we did.
pub const CLOSE_MS: u64 = 5_000;

/// Milliseconds one shard waits for what the others know about their connections.
pub const GATHER_MS: u64 = 1_000;

/// Bytes of a `reqId`.
pub const REQUEST_ID_BYTES: usize = 256;

/// Events of one webhook in memory that were read and neither delivered nor recorded as failing. Full: the log
/// is not read on for it.
pub const WEBHOOK_WINDOW: usize = 64;

/// Failing events of one webhook. Full: the log is not read on for it.
pub const WEBHOOK_FAILING: usize = 10_000;

/// Calls to the targets of webhooks under way at once. Full: what is due waits for one to end.
pub const WEBHOOK_CALLS: usize = 32;

/// Users that came or went, waiting for the webhook sender. Full: dropped, they are best effort.
pub const WEBHOOK_PRESENCE: usize = 1024;

/// Tests of webhooks waiting for the sender. Full: `busy`.
pub const WEBHOOK_TESTS: usize = 16;
