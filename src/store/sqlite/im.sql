-- One row of facts about the file itself.
CREATE TABLE meta (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    epoch TEXT NOT NULL,                -- changes when the store is restored or re-created
    position INTEGER NOT NULL,          -- the newest log position that no message and no notice carries
    indexed_position INTEGER NOT NULL,  -- messages up to here are found through message_runs
    flushed_position INTEGER NOT NULL   -- messages up to here are counted in conversations and participants
) STRICT;
INSERT INTO meta VALUES (1, lower(hex(randomblob(16))), 0, 0, 0);

CREATE TABLE users (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    username TEXT NOT NULL,
    nickname TEXT,
    avatar TEXT,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    granted TEXT NOT NULL               -- JSON array of user keys
) STRICT;
CREATE UNIQUE INDEX users_by_folded_id ON users (lower(id)) WHERE status <> 'deleted';
CREATE UNIQUE INDEX users_by_folded_username ON users (lower(username)) WHERE status <> 'deleted';
CREATE INDEX users_by_folded_nickname ON users (lower(nickname)) WHERE status <> 'deleted' AND nickname IS NOT NULL;
CREATE INDEX users_by_id ON users (id) WHERE status <> 'deleted';
CREATE INDEX users_deleted ON users (key) WHERE status = 'deleted';

CREATE TABLE revoked_tokens (
    user INTEGER NOT NULL,
    token TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (user, token)
) STRICT, WITHOUT ROWID;
CREATE INDEX revoked_tokens_by_end ON revoked_tokens (expires_at);

CREATE TABLE groups (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    owner INTEGER NOT NULL,
    join_policy TEXT NOT NULL,
    member_count INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    dismissed INTEGER NOT NULL,
    conversation INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX groups_by_folded_id ON groups (lower(id)) WHERE NOT dismissed;
CREATE INDEX groups_dismissed ON groups (key) WHERE dismissed;

CREATE TABLE members (
    group_key INTEGER NOT NULL,
    user INTEGER NOT NULL,
    role TEXT NOT NULL,
    joined_at INTEGER NOT NULL,
    PRIMARY KEY (group_key, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_by_user ON members (user);

-- Two users (low <= high) or a group. From `head` on, facts are as of meta.flushed_position.
CREATE TABLE conversations (
    key INTEGER PRIMARY KEY,
    low INTEGER,
    high INTEGER,
    group_key INTEGER,
    head INTEGER NOT NULL DEFAULT 0,
    last_position INTEGER NOT NULL DEFAULT 0,
    last_at INTEGER NOT NULL DEFAULT 0,
    low_sent INTEGER NOT NULL DEFAULT 0,    -- the newest seq sent by low
    high_sent INTEGER NOT NULL DEFAULT 0,
    CHECK ((low IS NULL) = (high IS NULL) AND (low IS NULL) <> (group_key IS NULL))
) STRICT;
CREATE UNIQUE INDEX conversations_by_pair ON conversations (low, high) WHERE group_key IS NULL;
CREATE UNIQUE INDEX conversations_by_group ON conversations (group_key) WHERE group_key IS NOT NULL;
CREATE UNIQUE INDEX conversations_by_public_id ON conversations ('c' || key);

CREATE TABLE participants (
    user INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    since_position INTEGER NOT NULL,
    read_seq INTEGER NOT NULL DEFAULT 0,
    received_seq INTEGER NOT NULL DEFAULT 0,
    changed_position INTEGER NOT NULL DEFAULT 0,
    sent_seq INTEGER NOT NULL DEFAULT 0,    -- groups only, as of meta.flushed_position
    PRIMARY KEY (user, conversation)
) STRICT, WITHOUT ROWID;

-- The log: appended in order, no other index. `conversation` comes early so that a scan of the tail is quick.
CREATE TABLE messages (
    position INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    sender INTEGER NOT NULL,
    sent_at INTEGER NOT NULL,
    id TEXT NOT NULL,
    content_type TEXT NOT NULL,
    content TEXT NOT NULL,
    content_is_json INTEGER NOT NULL,
    reply_to TEXT,
    mentions TEXT,
    ext TEXT
) STRICT;

-- The order of conversations: runs, each sorted by conversation, of one stretch of the log.
CREATE TABLE message_runs (
    first_position INTEGER PRIMARY KEY,
    last_position INTEGER NOT NULL,
    run INTEGER NOT NULL UNIQUE,
    level INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    entries INTEGER NOT NULL                -- rows in message_index
) STRICT;
CREATE TABLE message_index (
    run INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    positions TEXT NOT NULL,                -- JSON array: log positions of consecutive seqs
    PRIMARY KEY (run, conversation, first_seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE notices (
    position INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    group_key INTEGER,
    conversation INTEGER,
    by_user TEXT,                           -- a user's public id
    users TEXT NOT NULL                     -- JSON array of user keys
) STRICT;
CREATE INDEX notices_by_conversation ON notices (conversation, position) WHERE conversation IS NOT NULL;
CREATE TABLE notice_users (
    user INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (user, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook_positions (
    webhook TEXT PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE deliveries (
    webhook TEXT NOT NULL,
    position INTEGER NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    error TEXT NOT NULL,
    PRIMARY KEY (webhook, position)
) STRICT, WITHOUT ROWID;
