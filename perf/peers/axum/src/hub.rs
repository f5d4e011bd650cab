//! Who is connected, who is in which group, and what they are sent.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::ws::Utf8Bytes;
use dashmap::DashMap;
use tokio::sync::mpsc::UnboundedSender;

use crate::message::{ChatType, Frame, Message};

#[derive(Default)]
pub struct Hub {
    online: DashMap<String, Vec<Outlet>>,
    groups: DashMap<String, Arc<HashSet<String>>>,
    next: AtomicU64,
}

/// What a connection will write, in this order.
#[derive(Clone)]
pub struct Outlet {
    number: u64,
    frames: UnboundedSender<Utf8Bytes>,
}

impl Outlet {
    pub fn send(&self, frame: &Frame<'_>) {
        self.send_text(encode(frame));
    }

    fn send_text(&self, text: Utf8Bytes) {
        // The connection may have ended meanwhile.
        let _ = self.frames.send(text);
    }
}

fn encode(frame: &Frame<'_>) -> Utf8Bytes {
    serde_json::to_string(frame).expect("frames have string keys").into()
}

impl Hub {
    /// A connection of the user begins.
    pub fn connect(&self, user: &str, frames: UnboundedSender<Utf8Bytes>) -> Outlet {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let outlet = Outlet { number, frames };
        self.online.entry(user.to_owned()).or_default().push(outlet.clone());
        outlet
    }

    /// A connection of the user has ended.
    pub fn disconnect(&self, user: &str, outlet: &Outlet) {
        if let Some(mut outlets) = self.online.get_mut(user) {
            outlets.retain(|other| other.number != outlet.number);
        }
        self.online.remove_if(user, |_, outlets| outlets.is_empty());
    }

    pub fn add_members(&self, group: &str, members: impl IntoIterator<Item = String>) {
        let mut group = self.groups.entry(group.to_owned()).or_default();
        Arc::make_mut(&mut group).extend(members);
    }

    pub fn has_group(&self, group: &str) -> bool {
        self.groups.contains_key(group)
    }

    pub fn is_member(&self, group: &str, user: &str) -> bool {
        self.groups.get(group).is_some_and(|members| members.contains(user))
    }

    /// Sends a message to its audience, except the connection it came from.
    pub fn deliver(&self, message: &Message, author: Option<&Outlet>) {
        let text = encode(&Frame::Message { data: message });
        let author = author.map(|outlet| outlet.number);
        let push = |user: &str| {
            for outlet in self.online.get(user).iter().flat_map(|outlets| outlets.iter()) {
                if Some(outlet.number) != author {
                    outlet.send_text(text.clone());
                }
            }
        };
        match message.chat_type {
            ChatType::Single => {
                push(&message.to_id);
                if message.from_id != message.to_id {
                    push(&message.from_id);
                }
            }
            ChatType::Group => {
                let members = self.groups.get(&message.to_id).map(|members| members.clone());
                members
                    .iter()
                    .flat_map(|members| members.iter())
                    .for_each(|user| push(user));
            }
        }
    }
}
