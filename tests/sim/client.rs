//! One device of one user: what it knows, what it has asked, and what it wants next.

use std::collections::{BTreeMap, BTreeSet};

use ringim::base::connection::ConnectionId;
use ringim::domain::id::{ConversationKey, Position};
use serde_json::{Value, json};

use crate::bytes::Ear;
use crate::invariants::Watch;
use crate::ledger::{Users, user_bit};

/// A message its user wants to send.
pub struct Intent {
    /// The message id, which every attempt uses.
    pub id: String,
    pub chat_type: &'static str,
    pub to: String,
    pub content: Value,
    pub attempts: u32,
    pub state: IntentState,
}

/// What became of it, as far as the device knows.
#[derive(Clone, Debug, PartialEq)]
pub enum IntentState {
    /// An attempt is under way.
    Sent,
    /// The answer was lost, or said to try again.
    Unknown,
    /// Conversation, seq and time.
    Acknowledged(ConversationKey, i64, i64),
    /// Refused for good.
    Refused,
}

impl Intent {
    pub fn body(&self) -> Value {
        json!({"id": self.id, "chatType": self.chat_type, "toId": self.to, "contentType": "text", "content": self.content})
    }
}

/// What was asked, and what must be remembered to judge the answer.
pub struct Asked {
    pub what: Request,
    /// The end of the log when it was asked.
    pub at: Position,
    /// What the user had read by then, by conversation.
    pub read: BTreeMap<ConversationKey, i64>,
}

/// What can be asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request {
    Register,
    Login,
    /// The number of an intent, which may have been sent before.
    Send(usize),
    /// An intent once more, with another content.
    Conflict(usize),
    Read(ConversationKey),
    /// `fresh`: it belongs to a first load.
    Sync {
        fresh: bool,
    },
    Pull,
    Ping,
    /// A change of a group, or anything else of which only the effects count.
    Other,
}

/// The WebSocket of a device.
pub struct Live {
    pub socket: ConnectionId,
    pub ear: Ear,
    pub watch: Option<Watch>,
    pub asked: BTreeMap<u64, Asked>,
    /// A `sync` was completed here.
    pub synced: bool,
}

/// The HTTP connection of a device.
pub struct Rest {
    pub socket: ConnectionId,
    pub ear: Ear,
    pub asked: Option<Asked>,
}

/// One device.
pub struct Client {
    /// The id of its user.
    pub user: String,
    pub bit: Users,
    pub number: usize,
    pub token: Option<String>,
    pub live: Option<Live>,
    pub rest: Option<Rest>,
    /// Reads nothing from its sockets.
    pub stalled: bool,
    /// Stays away until it feels like coming back.
    pub away: bool,
    pub cursor: Option<String>,
    /// A first load is under way.
    pub loading: bool,
    /// The messages it has.
    pub known: BTreeSet<(ConversationKey, i64)>,
    /// The first `seq` it must have, where a first load left out older ones.
    pub floors: BTreeMap<ConversationKey, i64>,
    pub intents: Vec<Intent>,
    /// The highest `seq` whose reading was acknowledged, and where the log was when it was reported.
    pub read: BTreeMap<ConversationKey, (i64, Position)>,
    /// The highest `seq` it has tried to report.
    pub tried_to_read: BTreeMap<ConversationKey, i64>,
    /// The first attempt to sign in failed since there is no such account.
    pub unknown_account: bool,
    next_request: u64,
}

/// What a device does of its own accord.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Todo {
    SignIn,
    Connect,
    Sync,
    Resend(usize),
}

impl Client {
    pub fn new(number: usize, user: usize) -> Self {
        let user = format!("u{user}");
        Self {
            bit: user_bit(&user),
            user,
            number,
            token: None,
            live: None,
            rest: None,
            stalled: false,
            away: false,
            cursor: None,
            loading: false,
            known: BTreeSet::new(),
            floors: BTreeMap::new(),
            intents: Vec::new(),
            read: BTreeMap::new(),
            tried_to_read: BTreeMap::new(),
            unknown_account: false,
            next_request: 0,
        }
    }

    /// What it wants, if anything.
    pub fn todo(&self) -> Option<Todo> {
        if self.away {
            return None;
        }
        if self.token.is_none() {
            let free = self.rest.as_ref().is_none_or(|rest| rest.asked.is_none());
            return free.then_some(Todo::SignIn);
        }
        let Some(live) = &self.live else {
            return Some(Todo::Connect);
        };
        live.watch.as_ref()?;
        let syncing = live
            .asked
            .values()
            .any(|asked| matches!(asked.what, Request::Sync { .. }));
        if !live.synced && !syncing {
            return Some(Todo::Sync);
        }
        let lost = self
            .intents
            .iter()
            .position(|intent| intent.state == IntentState::Unknown);
        lost.map(Todo::Resend)
    }

    /// Whether it waits for an answer.
    pub fn is_waiting(&self) -> bool {
        let live = self
            .live
            .as_ref()
            .is_some_and(|live| live.watch.is_none() || !live.asked.is_empty());
        live || self.rest.as_ref().is_some_and(|rest| rest.asked.is_some())
    }

    pub fn next_request(&mut self) -> u64 {
        self.next_request += 1;
        self.next_request
    }

    /// A connection is gone: what was asked there has an unknown outcome.
    pub fn lose(&mut self, socket: ConnectionId) {
        let mut lost = Vec::new();
        if self.live.as_ref().is_some_and(|live| live.socket == socket) {
            lost.extend(self.live.take().into_iter().flat_map(|live| live.asked.into_values()));
        }
        if self.rest.as_ref().is_some_and(|rest| rest.socket == socket) {
            lost.extend(self.rest.take().and_then(|rest| rest.asked));
        }
        for asked in lost {
            if let Request::Send(number) = asked.what {
                self.put_off(number);
            }
        }
    }

    /// An attempt ended without a final answer.
    pub fn put_off(&mut self, number: usize) {
        let state = &mut self.intents[number].state;
        if *state == IntentState::Sent {
            *state = IntentState::Unknown;
        }
    }

    /// Drops what it had (a new installation, or the server said so).
    pub fn forget(&mut self) {
        self.cursor = None;
        self.loading = false;
        self.known.clear();
        self.floors.clear();
    }
}
