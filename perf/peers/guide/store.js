import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import initSqlJs from 'sql.js';
import { Refusal } from './refusal.js';

/** Milliseconds between two exports of a changed database. */
const SAVE_EVERY = 1000;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, username TEXT NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS groups (id TEXT PRIMARY KEY, name TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS members (group_id TEXT NOT NULL, user_id TEXT NOT NULL, PRIMARY KEY (group_id, user_id));
  CREATE TABLE IF NOT EXISTS messages (
    id TEXT PRIMARY KEY, conversation_id TEXT NOT NULL, seq INTEGER NOT NULL, chat_type TEXT NOT NULL,
    from_id TEXT NOT NULL, to_id TEXT NOT NULL, content_type TEXT NOT NULL, content TEXT NOT NULL,
    timestamp INTEGER NOT NULL);
  CREATE UNIQUE INDEX IF NOT EXISTS messages_of_conversation ON messages (conversation_id, seq);
  CREATE VIEW IF NOT EXISTS v1_messages AS SELECT * FROM messages;`;

/**
 * Users, groups and messages in sql.js: the whole database lives in memory and is written out, as a whole and without
 * a sync, once a second and at the end. What was acked since the last export is lost with the process.
 */
export class Store {
  static async open(folder) {
    mkdirSync(folder, { recursive: true });
    const { Database } = await initSqlJs();
    const file = join(folder, 'im.db');
    return new Store(new Database(existsSync(file) ? readFileSync(file) : null), file);
  }

  constructor(database, file) {
    this.database = database;
    this.file = file;
    this.changed = true;
    /** The highest number of each conversation. */
    this.heads = new Map();
    /** The members of each group. */
    this.groups = new Map();
    database.run(SCHEMA);
    this.load();
    this.prepare();
    this.save();
    setInterval(() => this.save(), SAVE_EVERY);
  }

  load() {
    const rows = (sql) => this.database.exec(sql)[0]?.values ?? [];
    for (const [conversation, head] of rows('SELECT conversation_id, max(seq) FROM messages GROUP BY conversation_id')) {
      this.heads.set(conversation, head);
    }
    for (const [id] of rows('SELECT id FROM groups')) this.groups.set(id, new Set());
    for (const [group, user] of rows('SELECT group_id, user_id FROM members')) this.groups.get(group).add(user);
  }

  prepare() {
    this.insert = this.database.prepare('INSERT INTO messages VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING');
    this.find = this.database.prepare('SELECT * FROM messages WHERE id = ?');
  }

  save() {
    if (!this.changed) return;
    this.changed = false;
    // An export frees every prepared statement.
    const bytes = this.database.export();
    this.prepare();
    writeFileSync(`${this.file}.new`, bytes);
    renameSync(`${this.file}.new`, this.file);
  }

  /** Adds a user; `false` if there is one of that name. */
  addUser(id, username) {
    this.database.run('INSERT INTO users VALUES (?,?) ON CONFLICT DO NOTHING', [id, username]);
    this.changed = true;
    return this.database.getRowsModified() === 1;
  }

  addGroup(id, name, members) {
    if (this.groups.has(id)) throw new Refusal(409, 'id_taken', 'Choose another id.');
    this.database.run('INSERT INTO groups VALUES (?,?)', [id, name]);
    this.groups.set(id, new Set());
    this.addMembers(id, members);
  }

  addMembers(id, members) {
    const group = this.groups.get(id);
    if (!group) throw new Refusal(404, 'group_not_found', 'Create the group first.');
    for (const user of members) {
      this.database.run('INSERT INTO members VALUES (?,?) ON CONFLICT DO NOTHING', [id, user]);
      group.add(user);
    }
    this.changed = true;
  }

  /** Who hears of a message, its author's other connections included. */
  audience({ chatType, fromId, toId }) {
    return chatType === 'group' ? this.groups.get(toId) : new Set([toId, fromId]);
  }

  /** Stores a message, or finds the one of the same id. */
  append(fromId, { id, toId, chatType, contentType = 'text', content }) {
    if (![id, toId, content].every((value) => typeof value === 'string')) {
      throw new Refusal(400, 'invalid_message', 'Send id, toId and content as strings.');
    }
    const conversationId = this.conversation(fromId, toId, chatType);
    const seq = (this.heads.get(conversationId) ?? 0) + 1;
    const timestamp = Date.now();
    this.insert.run([id, conversationId, seq, chatType, fromId, toId, contentType, content, timestamp]);
    if (this.database.getRowsModified() === 0) return this.repeated(id, fromId, toId, content);
    this.heads.set(conversationId, seq);
    this.changed = true;
    const message = { id, conversationId, seq, chatType, fromId, fromName: fromId, toId, contentType, content, timestamp };
    return { message, duplicate: false };
  }

  conversation(fromId, toId, chatType) {
    if (chatType === 'single') return JSON.stringify([fromId, toId].sort());
    if (!this.groups.get(toId)?.has(fromId)) throw new Refusal(403, 'not_a_member', 'Join the group first.');
    return JSON.stringify([toId]);
  }

  repeated(id, fromId, toId, content) {
    const row = this.find.getAsObject([id]);
    if (row.from_id !== fromId || row.to_id !== toId || row.content !== content) {
      throw new Refusal(409, 'id_conflict', 'Choose another id.');
    }
    const message = { id, conversationId: row.conversation_id, seq: row.seq, timestamp: row.timestamp };
    return { message, duplicate: true };
  }
}
