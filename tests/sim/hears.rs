//! What devices hear, how it is judged, and what they learn from it.

use std::collections::BTreeMap;

use ringim::base::connection::ConnectionId;
use ringim::domain::id::ConversationKey;
use serde_json::Value;

use crate::asks::shortened;
use crate::bytes::{self, CLOSE, Heard, PONG};
use crate::client::{Asked, IntentState, Request};
use crate::invariants::{self, Check, Watch, conversation, int, text};
use crate::world::World;

impl World {
    /// Bytes reach a device.
    pub fn hear(&mut self, socket: ConnectionId, bytes: &[u8]) -> Check {
        self.refresh()?;
        let Some(client) = self.sockets.get(&socket).map(|socket| socket.client) else {
            return Ok(());
        };
        if let Some(ear) = self.ear(client, socket) {
            ear.receive(bytes);
        }
        while let Some(ear) = self.ear(client, socket) {
            let Some(heard) = ear.hear()? else { break };
            self.tell(|| format!("device {client} on {socket} hears {}", shortened(&heard.to_string())));
            self.understand(client, socket, heard)?;
        }
        Ok(())
    }

    fn ear(&mut self, client: usize, socket: ConnectionId) -> Option<&mut bytes::Ear> {
        let device = &mut self.clients[client];
        let live = device
            .live
            .as_mut()
            .filter(|live| live.socket == socket)
            .map(|live| &mut live.ear);
        live.or_else(|| {
            device
                .rest
                .as_mut()
                .filter(|rest| rest.socket == socket)
                .map(|rest| &mut rest.ear)
        })
    }

    fn understand(&mut self, client: usize, socket: ConnectionId, heard: Heard) -> Check {
        match heard {
            Heard::Response(101, _) => Ok(()),
            Heard::Response(status, body) => self.hear_response(client, socket, status, &body),
            Heard::Frame(frame) => self.hear_frame(client, &frame),
            Heard::Ping(payload) => {
                self.transmit(socket, bytes::frame(PONG, &payload));
                Ok(())
            }
            Heard::Close(code) => {
                if code == 4501 {
                    self.clients[client].token = None;
                }
                self.transmit(socket, bytes::frame(CLOSE, &code.to_be_bytes()));
                Ok(())
            }
        }
    }

    fn hear_response(&mut self, client: usize, socket: ConnectionId, status: u16, body: &Value) -> Check {
        let device = &mut self.clients[client];
        let unasked = [408, 503].contains(&status);
        if device.live.as_ref().is_some_and(|live| live.socket == socket) {
            if unasked {
                return Ok(());
            }
            return Err(format!("the WebSocket of device {client} was refused: {status} {body}"));
        }
        let Some(asked) = device.rest.as_mut().and_then(|rest| rest.asked.take()) else {
            return if unasked {
                Ok(())
            } else {
                Err(format!("an answer to no request: {status} {body}"))
            };
        };
        match asked.what {
            Request::Login | Request::Register if status == 200 => {
                device.token = Some(text(&body["data"], "token")?.to_owned());
            }
            Request::Login => device.unknown_account = status == 401,
            Request::Register => device.unknown_account = status != 409,
            _ if status == 200 => return self.hear_ack(client, asked, &body["data"], false),
            _ => {
                let retryable = [408, 429, 503].contains(&status);
                if status == 401 {
                    device.token = None;
                }
                return self.hear_error(client, &asked, body, retryable || status == 401);
            }
        }
        Ok(())
    }

    fn hear_frame(&mut self, client: usize, frame: &Value) -> Check {
        let data = &frame["data"];
        match text(frame, "type")? {
            "hello" => self.hear_hello(client, data),
            "message" => self.hear_message(client, data),
            "ack" | "pong" => match self.take_asked(client, frame) {
                Some(asked) => self.hear_ack(client, asked, data, true),
                None => Err(format!("an answer to no request: {frame}")),
            },
            "error" => match self.take_asked(client, frame) {
                Some(asked) => self.hear_error(client, &asked, frame, frame["retryable"] == true),
                None if frame["code"] == 401 => {
                    self.clients[client].token = None;
                    Ok(())
                }
                None if frame["retryable"] == true => Ok(()),
                None => Err(format!("an error without a request: {frame}")),
            },
            "event" => invariants::event_may_be_shown(&self.ledger, &self.clients[client], data),
            "receipt" | "bye" => Ok(()),
            other => Err(format!("an unknown frame `{other}`: {frame}")),
        }
    }

    fn hear_hello(&mut self, client: usize, data: &Value) -> Check {
        let device = &mut self.clients[client];
        if text(data, "userId")? != device.user {
            return Err(format!("{} is greeted as somebody else: {data}", device.user));
        }
        if let Some(live) = &mut device.live {
            live.watch = Some(Watch::new(self.ledger.head));
        }
        Ok(())
    }

    fn hear_message(&mut self, client: usize, data: &Value) -> Check {
        let message = invariants::message_is_true(&self.ledger, data)?;
        let device = &mut self.clients[client];
        device.known.insert((message.conversation, message.seq));
        match device.live.as_mut().and_then(|live| live.watch.as_mut()) {
            Some(watch) => watch.pushed(&self.ledger, device.bit, message),
            None => Err(format!("a message before `hello`: {data}")),
        }
    }

    fn take_asked(&mut self, client: usize, frame: &Value) -> Option<Asked> {
        let request = frame["reqId"].as_u64()?;
        self.clients[client].live.as_mut()?.asked.remove(&request)
    }

    fn hear_error(&mut self, client: usize, asked: &Asked, error: &Value, retryable: bool) -> Check {
        let device = &mut self.clients[client];
        match asked.what {
            Request::Send(number) => {
                invariants::refusal_is_true(&self.ledger, device, &device.intents[number], error, retryable)?;
                if retryable {
                    device.put_off(number);
                } else if device.intents[number].state == IntentState::Sent {
                    device.intents[number].state = IntentState::Refused;
                }
                Ok(())
            }
            Request::Sync { .. } | Request::Ping if !retryable => Err(format!("refused without a reason: {error}")),
            _ => Ok(()),
        }
    }

    fn hear_ack(&mut self, client: usize, asked: Asked, data: &Value, live: bool) -> Check {
        match asked.what {
            Request::Send(number) => self.hear_sent(client, number, data, live),
            Request::Conflict(number) => Err(format!("an id was used twice, by intent {number} and for {data}")),
            Request::Read(key) => self.hear_read(client, key, &asked, data),
            Request::Sync { fresh } => self.hear_page(client, &asked, fresh, data),
            Request::Pull => self.hear_messages(client, &asked, data, false),
            Request::Ping | Request::Other | Request::Login | Request::Register => Ok(()),
        }
    }

    fn hear_sent(&mut self, client: usize, number: usize, data: &Value, live: bool) -> Check {
        let device = &mut self.clients[client];
        invariants::acknowledgement_is_true(&self.ledger, device, &device.intents[number], data)?;
        let (key, seq) = (conversation(data)?, int(data, "seq")?);
        device.intents[number].state = IntentState::Acknowledged(key, seq, int(data, "timestamp")?);
        device.known.insert((key, seq));
        match device
            .live
            .as_mut()
            .and_then(|live| live.watch.as_mut())
            .filter(|_| live)
        {
            Some(watch) => watch.acknowledged(&self.ledger, device.bit, data),
            None => Ok(()),
        }
    }

    fn hear_read(&mut self, client: usize, key: ConversationKey, asked: &Asked, data: &Value) -> Check {
        let seq = int(data, "readSeq")?;
        let entry = self.clients[client].read.entry(key).or_insert((seq, asked.at));
        if entry.0 <= seq {
            *entry = (seq, asked.at);
        }
        Ok(())
    }

    /// A page of a `sync`.
    fn hear_page(&mut self, client: usize, asked: &Asked, fresh: bool, data: &Value) -> Check {
        if data["recovered"] != true {
            return Err(format!(
                "a good cursor is not recovered: {}",
                shortened(&data.to_string())
            ));
        }
        for view in data["conversations"].as_array().into_iter().flatten() {
            let key = conversation(view)?;
            let readable = self.readable_by(client, key);
            invariants::view_is_true(&self.ledger, &self.clients[client], asked, readable, view)?;
            if fresh {
                let head = int(view, "head")?;
                let messages = data["messages"].as_array().into_iter().flatten();
                let own = messages.filter(|message| message["conversationId"] == view["conversationId"]);
                let floor = own
                    .filter_map(|message| message["seq"].as_i64())
                    .min()
                    .unwrap_or(head + 1);
                self.clients[client].floors.entry(key).or_insert(floor);
            }
        }
        self.hear_messages(client, asked, data, true)?;
        let more = data["more"] == true;
        let device = &mut self.clients[client];
        device.cursor = Some(text(data, "cursor")?.to_owned());
        device.loading &= more;
        if let Some(live) = device.live.as_mut() {
            live.synced = !more;
        }
        Ok(())
    }

    fn hear_messages(&mut self, client: usize, asked: &Asked, data: &Value, in_log_order: bool) -> Check {
        let mut last = None;
        for shown in data["messages"].as_array().into_iter().flatten() {
            let message = invariants::message_is_true(&self.ledger, shown)?;
            let device = &mut self.clients[client];
            invariants::answer_may_show(&self.ledger, device, asked.at, message)?;
            if in_log_order && last >= Some(message.position) {
                return Err(format!("a page is not in log order at {message:?}"));
            }
            last = Some(message.position);
            device.known.insert((message.conversation, message.seq));
        }
        Ok(())
    }

    /// What the devices of a user are known to have read, where it has been a member ever since.
    pub fn read_by(&self, client: usize) -> BTreeMap<ConversationKey, i64> {
        let bit = self.clients[client].bit;
        let mut read = BTreeMap::new();
        for device in self.clients.iter().filter(|device| device.bit == bit) {
            for (key, (seq, at)) in &device.read {
                let since = self
                    .ledger
                    .conversations
                    .get(key)
                    .and_then(|past| past.member_since(bit));
                if since.is_some_and(|since| since <= *at) {
                    let best = read.entry(*key).or_insert(0);
                    *best = (*seq).max(*best);
                }
            }
        }
        read
    }

    /// The highest `seq` that any device of the user may have reported as read.
    fn readable_by(&self, client: usize, key: ConversationKey) -> i64 {
        let bit = self.clients[client].bit;
        let devices = self.clients.iter().filter(|device| device.bit == bit);
        devices
            .filter_map(|device| device.tried_to_read.get(&key).copied())
            .max()
            .unwrap_or(0)
    }
}
