//! What devices do: of their own accord, as a reaction, and what chance makes them do.

use ringim::domain::id::ConversationKey;
use serde_json::{Value, json};

use crate::bytes::{self, Ear, TokenPlace};
use crate::client::{Intent, IntentState, Live, Request, Todo};
use crate::invariants::Check;
use crate::world::World;

const PLACES: [TokenPlace; 4] = [
    TokenPlace::Header,
    TokenPlace::Protocol,
    TokenPlace::Query,
    TokenPlace::FirstFrame,
];

impl World {
    /// One device does one thing.
    pub fn act(&mut self) -> Check {
        let todos: Vec<(usize, Todo)> = self
            .clients
            .iter()
            .filter_map(|client| Some((client.number, client.todo()?)))
            .collect();
        let todo = self.random.pick(&todos);
        match todo.filter(|_| self.actions == 0 || self.random.per_mille(600)) {
            Some((client, todo)) => self.follow(client, todo),
            None => self.act_by_chance(),
        }
    }

    fn follow(&mut self, client: usize, todo: Todo) -> Check {
        match todo {
            Todo::SignIn => self.sign_in(client),
            Todo::Connect => self.open_live(client),
            Todo::Sync => self.sync(client),
            Todo::Resend(number) => self.send_attempt(client, number),
        }
        Ok(())
    }

    fn act_by_chance(&mut self) -> Check {
        let client = self.random.below(self.clients.len());
        let device = &mut self.clients[client];
        if device.away || device.stalled {
            let comes_back = self.random.per_mille(if self.plan.long_messages { 5 } else { 100 });
            (device.away, device.stalled) = (device.away && !comes_back, device.stalled && !comes_back);
            return Ok(());
        }
        if device.live.as_ref().is_none_or(|live| live.watch.is_none()) {
            return device.todo().map_or(Ok(()), |todo| self.follow(client, todo));
        }
        self.actions = self.actions.saturating_sub(1);
        if self.random.per_mille(self.plan.unrest) {
            return self.be_restless(client);
        }
        match self.random.below(20) {
            0..9 => self.send_new(client),
            9 => self.send_again(client),
            10 => self.conflict(client),
            11 | 12 => self.read(client),
            13 => self.pull(client),
            14 => self.sync(client),
            15 => self.ping(client),
            _ => self.change_group(client),
        }
        Ok(())
    }

    /// Goes away, stops reading, signs out, or is installed anew.
    fn be_restless(&mut self, client: usize) -> Check {
        let device = &mut self.clients[client];
        match self.random.below(6) {
            chance if chance == 0 || self.plan.long_messages => device.stalled = true,
            1 => {
                self.log_out(client);
                return Ok(());
            }
            2 => device.forget(),
            _ => device.away = self.random.per_mille(700),
        }
        if device.stalled {
            self.tell(|| format!("device {client} reads nothing any more"));
            return Ok(());
        }
        let sockets = [
            device.live.as_ref().map(|live| live.socket),
            device.rest.as_ref().map(|rest| rest.socket),
        ];
        let cursor = device.cursor.clone();
        self.tell(|| format!("device {client} disconnects, with cursor {cursor:?}"));
        sockets
            .into_iter()
            .flatten()
            .try_for_each(|socket| self.disconnect(socket))
    }

    fn log_out(&mut self, client: usize) {
        self.ask_rest(client, Request::Other, "/api/logout", json!({}));
    }

    fn sign_in(&mut self, client: usize) {
        let device = &self.clients[client];
        let account = json!({"username": device.user, "password": "correct horse"});
        if device.unknown_account {
            self.ask_rest(client, Request::Register, "/api/register", account);
        } else {
            self.ask_rest(client, Request::Login, "/api/login", account);
        }
    }

    fn open_live(&mut self, client: usize) {
        let Some(token) = self.clients[client].token.clone() else {
            return;
        };
        let place = PLACES[self.random.below(PLACES.len())];
        let Some(socket) = self.connect(client) else { return };
        self.tell(|| format!("device {client} opens {socket} with its token in {place:?}"));
        self.transmit(socket, bytes::upgrade(&token, place));
        let live = Live {
            socket,
            ear: Ear::default(),
            watch: None,
            asked: Default::default(),
            synced: false,
        };
        self.clients[client].live = Some(live);
    }

    fn sync(&mut self, client: usize) {
        let cursor = self.clients[client].cursor.clone();
        let mut data = json!({"limit": self.plan.sync_limit});
        if let Some(cursor) = &cursor {
            data["cursor"] = json!(cursor);
        }
        let fresh = cursor.is_none() || self.clients[client].loading;
        self.clients[client].loading = fresh;
        self.ask_live(client, Request::Sync { fresh }, "sync", data);
    }

    fn ping(&mut self, client: usize) {
        self.ask_live(client, Request::Ping, "ping", json!({}));
    }

    fn send_new(&mut self, client: usize) {
        let number = self.clients[client].intents.len();
        let groups: Vec<String> = self.ledger.groups.keys().cloned().collect();
        let (chat_type, to) = match groups.get(self.random.below(groups.len() + 2)) {
            Some(group) => ("group", group.clone()),
            None => ("single", format!("u{}", self.random.below(self.plan.users))),
        };
        let content = self.content(client, number);
        let id = format!("m{client}-{number}");
        let intent = Intent {
            id,
            chat_type,
            to,
            content,
            attempts: 0,
            state: IntentState::Unknown,
        };
        self.clients[client].intents.push(intent);
        self.send_attempt(client, number);
    }

    fn content(&mut self, client: usize, number: usize) -> Value {
        let text = format!("\u{1f600} \"{number}\" of {client}\n");
        match self.random.below(4) {
            0 => json!({"a": [number, 1.5, null], "b": {"text": text}}),
            _ if self.plan.long_messages => json!(text.repeat(60_000 / text.len())),
            _ => json!(text),
        }
    }

    /// Sends an intent, for the first time or again, by whatever way is open.
    fn send_attempt(&mut self, client: usize, number: usize) {
        let rest_is_free = self.clients[client]
            .rest
            .as_ref()
            .is_none_or(|rest| rest.asked.is_none());
        let by_rest = rest_is_free && self.random.per_mille(150);
        let intent = &self.clients[client].intents[number];
        let (id, body) = (intent.id.clone(), intent.body());
        let asked = if by_rest {
            self.ask_rest(client, Request::Send(number), "/api/message/send", body)
        } else {
            self.ask_live(client, Request::Send(number), "message", body)
        };
        if !asked {
            return;
        }
        let device = &mut self.clients[client];
        device.intents[number].attempts += 1;
        if device.intents[number].state == IntentState::Unknown {
            device.intents[number].state = IntentState::Sent;
        }
        if let Some(watch) = device
            .live
            .as_mut()
            .and_then(|live| live.watch.as_mut())
            .filter(|_| !by_rest)
        {
            watch.sent(&id);
        }
    }

    fn acknowledged_intent(&mut self, client: usize) -> Option<usize> {
        let intents = self.clients[client].intents.iter().enumerate();
        let done = intents.filter(|(_, intent)| matches!(intent.state, IntentState::Acknowledged(..)));
        let done: Vec<usize> = done.map(|(number, _)| number).collect();
        self.random.pick(&done)
    }

    fn send_again(&mut self, client: usize) {
        if let Some(number) = self.acknowledged_intent(client) {
            self.send_attempt(client, number);
        }
    }

    fn conflict(&mut self, client: usize) {
        if let Some(number) = self.acknowledged_intent(client) {
            let mut body = self.clients[client].intents[number].body();
            body["content"] = json!("something else");
            self.ask_live(client, Request::Conflict(number), "message", body);
        }
    }

    fn known_message(&mut self, client: usize) -> Option<(ConversationKey, i64)> {
        let known: Vec<_> = self.clients[client].known.iter().copied().collect();
        self.random.pick(&known)
    }

    fn read(&mut self, client: usize) {
        let Some((key, seq)) = self.known_message(client) else {
            return;
        };
        let data = json!({"conversationId": key.to_public().to_string(), "seq": seq});
        if self.ask_live(client, Request::Read(key), "read", data) {
            let tried = self.clients[client].tried_to_read.entry(key).or_default();
            *tried = seq.max(*tried);
        }
    }

    fn pull(&mut self, client: usize) {
        let Some((key, seq)) = self.known_message(client) else {
            return;
        };
        let data = json!({"conversationId": key.to_public().to_string(), "from": 1, "to": seq + 1, "limit": 5});
        self.ask_live(client, Request::Pull, "pull", data);
    }

    /// Creates, enters, leaves or changes one of three groups.
    fn change_group(&mut self, client: usize) {
        let existing: Vec<&String> = self.ledger.groups.keys().collect();
        let group = match self.random.pick(&existing).filter(|_| self.random.per_mille(800)) {
            Some(group) => group.clone(),
            None => format!("g{}", self.random.below(3)),
        };
        let other = format!("u{}", self.random.below(self.plan.users));
        let members = json!({"groupId": group, "memberIds": [other]});
        let (path, body) = match self.random.below(12) {
            0..2 => (
                "create",
                json!({"id": group, "name": "Friends", "memberIds": [other], "joinPolicy": "open"}),
            ),
            2..5 => ("join", json!({"groupId": group})),
            5 => ("leave", json!({"groupId": group})),
            6 | 7 => ("invite", members),
            8 | 9 => ("kick", members),
            10 => ("transfer", json!({"groupId": group, "userId": other})),
            _ => ("dismiss", json!({"groupId": group})),
        };
        self.ask_rest(client, Request::Other, &format!("/api/group/{path}"), body);
    }
}
