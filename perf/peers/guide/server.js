#!/usr/bin/env node
// The stack of the integration guide: Node, express, ws, sql.js and JSON web tokens, on the command line and the part
// of the interface that the load generator uses. An ack means "in memory"; see ../README.md.
import { createSecretKey, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import express from 'express';
import jwt from 'jsonwebtoken';
import { WebSocket, WebSocketServer } from 'ws';
import { Refusal } from './refusal.js';
import { Store } from './store.js';

const MAX_FRAME_BYTES = 1 << 20;

const { values: settings } = parseArgs({
  options: { listen: { type: 'string', default: '127.0.0.1:7800' }, data: { type: 'string', default: './data' } },
  allowPositionals: true,
});
const adminKey = process.env.RINGIM_ADMIN_KEY;
if (!adminKey) throw new Error('set RINGIM_ADMIN_KEY');
// As a key object: verifying with a string costs ten times as much, because it is first tried as a PEM file.
const secret = createSecretKey(randomBytes(32));
const store = await Store.open(settings.data);

/** The open sockets of each user. */
const online = new Map();

const bearer = (request) => /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];

function userOf(request) {
  try {
    return jwt.verify(bearer(request) ?? '', secret).sub;
  } catch {
    throw new Refusal(401, 'unauthenticated', 'Log in again.');
  }
}

function deliver(message, author) {
  const frame = JSON.stringify({ type: 'message', data: message });
  for (const user of store.audience(message)) {
    for (const socket of online.get(user) ?? []) {
      if (socket !== author && socket.readyState === WebSocket.OPEN) socket.send(frame);
    }
  }
}

function attach(socket, user) {
  const sockets = online.get(user) ?? new Set();
  online.set(user, sockets.add(socket));
  socket.on('error', () => socket.terminate());
  socket.on('close', () => {
    sockets.delete(socket);
    if (sockets.size === 0 && online.get(user) === sockets) online.delete(user);
  });
  socket.on('message', (text) => answer(socket, user, text));
  socket.send(JSON.stringify({ type: 'hello', data: { userId: user, durability: 'memory' } }));
}

function answer(socket, user, text) {
  let frame;
  try {
    frame = JSON.parse(text);
    if (frame.type === 'ping') return socket.send('{"type":"pong"}');
    if (frame.type !== 'message') throw new Refusal(400, 'invalid_type', 'Send `message` or `ping`.');
    const { message, duplicate } = store.append(user, frame.data ?? {});
    socket.send(JSON.stringify({ type: 'ack', reqId: frame.reqId, code: 200, data: receipt(message, duplicate) }));
    if (!duplicate) deliver(message, socket);
  } catch (error) {
    const refusal = Refusal.from(error);
    const data = { id: frame?.data?.id };
    socket.send(JSON.stringify({ type: 'error', reqId: frame?.reqId, ...refusal.body(), retryable: false, data }));
  }
}

const receipt = ({ id, conversationId, seq, timestamp }, duplicate) =>
  ({ id, conversationId, seq, timestamp, ...(duplicate && { duplicate }) });

const app = express();
app.disable('x-powered-by');
app.use(express.json({ limit: MAX_FRAME_BYTES }));
const ok = (response, data) => response.json({ code: 200, message: 'ok', data });

app.get(['/healthz', '/readyz'], (_, response) => ok(response, null));

app.post('/api/message/send', (request, response) => {
  const { message, duplicate } = store.append(userOf(request), request.body ?? {});
  ok(response, receipt(message, duplicate));
  if (!duplicate) deliver(message, null);
});

const admin = express.Router();
admin.use((request, _, next) => {
  if (bearer(request) !== adminKey) throw new Refusal(401, 'unauthenticated', 'Present the admin key.');
  next();
});
admin.post('/user/import', ({ body }, response) => {
  ok(response, { items: body.users.map(({ id, username }) => ({ id: id ?? username, ok: store.addUser(id ?? username, username) })) });
});
admin.post('/user/token', ({ body }, response) => {
  const mint = (userId) => ({ userId, token: jwt.sign({ sub: userId }, secret, { expiresIn: '7d' }) });
  ok(response, { items: body.userIds.map(mint) });
});
admin.post('/group/create', ({ body }, response) => {
  store.addGroup(body.id, body.name, [body.creatorId, ...(body.memberIds ?? [])]);
  ok(response, { id: body.id });
});
admin.post('/group/add-members', ({ body }, response) => {
  store.addMembers(body.groupId, body.memberIds);
  ok(response, null);
});
app.use('/api/admin', admin);
// Express knows error handlers by their four parameters.
app.use((error, request, response, _next) => {
  const refusal = Refusal.from(error);
  response.status(refusal.status).json(refusal.body());
});

const server = createServer(app);
const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: MAX_FRAME_BYTES });
server.on('upgrade', (request, stream, head) => {
  try {
    const user = userOf(request);
    sockets.handleUpgrade(request, stream, head, (socket) => attach(socket, user));
  } catch {
    stream.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n');
  }
});
const [host, port] = settings.listen.split(':');
server.listen({ host, port: Number(port), backlog: 4096 }, () => {
  console.log(`listening on ${settings.listen}\n  driver  epoll (libuv)`);
});

process.on('SIGTERM', () => {
  store.save();
  process.exit(0);
});
