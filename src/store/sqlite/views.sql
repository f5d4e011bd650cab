-- The stable contract for other programs. Dropped and made anew at every start, so that they always fit the tables.
DROP VIEW IF EXISTS v1_schema;
DROP VIEW IF EXISTS v1_users;
DROP VIEW IF EXISTS v1_groups;
DROP VIEW IF EXISTS v1_group_members;
DROP VIEW IF EXISTS v1_messages;
DROP VIEW IF EXISTS v1_conversations;

CREATE VIEW v1_schema AS SELECT 1 AS version;

CREATE VIEW v1_users AS
SELECT id, username, nickname, avatar, status, created_at FROM users WHERE status <> 'deleted';

CREATE VIEW v1_groups AS
SELECT g.id, g.name, u.id AS owner_id, g.join_policy, g.member_count, g.created_at
FROM groups g JOIN users u ON u.key = g.owner
WHERE NOT g.dismissed;

CREATE VIEW v1_group_members AS
SELECT g.id AS group_id, u.id AS user_id, u.nickname, m.role, m.joined_at
FROM groups g JOIN members m ON m.group_key = g.key JOIN users u ON u.key = m.user
WHERE NOT g.dismissed;

-- Messages found through the runs, then those of the tail that no run holds yet.
CREATE VIEW v1_messages AS
SELECT m.id, 'c' || c.key AS conversation_id, m.seq, iif(c.group_key IS NULL, 'single', 'group') AS chat_type,
    f.id AS from_id, coalesce(f.nickname, f.username) AS from_name,
    CASE WHEN c.group_key IS NOT NULL THEN (SELECT id FROM groups WHERE key = c.group_key)
         ELSE (SELECT id FROM users WHERE key = iif(m.sender = c.low, c.high, c.low)) END AS to_id,
    m.content_type, m.content, m.content_is_json, m.sent_at AS timestamp, m.reply_to, m.mentions, m.ext,
    NULL AS edited_at, NULL AS recalled_at, NULL AS recalled_by, NULL AS reactions
FROM conversations c
    CROSS JOIN message_runs r
    CROSS JOIN message_index i ON i.run = r.run AND i.conversation = c.key
    CROSS JOIN json_each(i.positions) p
    CROSS JOIN messages m ON m.position = p.value
    CROSS JOIN users f ON f.key = m.sender
UNION ALL
SELECT m.id, 'c' || c.key, m.seq, iif(c.group_key IS NULL, 'single', 'group'),
    f.id, coalesce(f.nickname, f.username),
    CASE WHEN c.group_key IS NOT NULL THEN (SELECT id FROM groups WHERE key = c.group_key)
         ELSE (SELECT id FROM users WHERE key = iif(m.sender = c.low, c.high, c.low)) END,
    m.content_type, m.content, m.content_is_json, m.sent_at, m.reply_to, m.mentions, m.ext,
    NULL, NULL, NULL, NULL
FROM messages m JOIN conversations c ON c.key = m.conversation JOIN users f ON f.key = m.sender
WHERE m.position > (SELECT indexed_position FROM meta);

-- One row per user and conversation. Heads are those of the last flush, and of the tail above it.
CREATE VIEW v1_conversations AS
WITH tail AS MATERIALIZED (
    SELECT conversation, sender, max(seq) AS seq, max(position) AS position
    FROM messages WHERE position > (SELECT flushed_position FROM meta)
    GROUP BY conversation, sender
), facts AS (
    SELECT p.user, c.key, c.group_key, p.read_seq, iif(c.low = p.user, c.high, c.low) AS peer,
        max(c.head, coalesce((SELECT max(t.seq) FROM tail t WHERE t.conversation = c.key), 0)) AS head,
        max(c.last_position, coalesce((SELECT max(t.position) FROM tail t WHERE t.conversation = c.key), 0)) AS last,
        max(p.sent_seq, iif(c.low = p.user, c.low_sent, 0), iif(c.high = p.user, c.high_sent, 0),
            coalesce((SELECT max(t.seq) FROM tail t WHERE t.conversation = c.key AND t.sender = p.user), 0)) AS own
    FROM participants p JOIN conversations c ON c.key = p.conversation
)
SELECT u.id AS user_id, 'c' || v.key AS conversation_id, iif(v.group_key IS NULL, 'single', 'group') AS chat_type,
    CASE WHEN v.group_key IS NOT NULL THEN (SELECT id FROM groups WHERE key = v.group_key)
         ELSE (SELECT id FROM users WHERE key = v.peer) END AS peer_id,
    v.head, v.read_seq AS "read", max(v.head - max(v.read_seq, v.own), 0) AS unread,
    (SELECT json_object('id', m.id, 'seq', m.seq, 'from_id', f.id, 'content_type', m.content_type,
            'content', iif(m.content_is_json, json(m.content), m.content), 'timestamp', m.sent_at)
        FROM messages m JOIN users f ON f.key = m.sender WHERE m.position = v.last) AS last_message,
    0 AS pinned, 0 AS muted
FROM users u JOIN facts v ON v.user = u.key
WHERE u.status <> 'deleted';
