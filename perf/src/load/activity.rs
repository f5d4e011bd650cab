//! What clients do, and how often each thing.

use std::ops::Range;

use super::arrival::Stage;
use super::clock::Phases;
use super::wire;
use super::worker::Worker;
use crate::error::Result;

/// How often somebody is looked for who is there, before an event is dropped.
const ATTEMPTS: usize = 16;

/// Something that a client does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Activity {
    /// One of these senders writes.
    Write(Range<u32>),
    /// A reader reads a page of a history.
    Page,
    /// A client is typing.
    Typing,
    /// A client has read all it has.
    Read,
    /// A client loses its connection, connects again and syncs.
    Reconnect,
}

/// Activities and their weights.
#[derive(Debug, Clone)]
pub struct Mix(Vec<(f64, Activity)>);

impl Mix {
    /// Activities, each as often as its weight says.
    pub fn new(parts: Vec<(f64, Activity)>) -> Self {
        Self(parts)
    }

    /// The activities.
    pub fn activities(&self) -> impl Iterator<Item = &Activity> {
        self.0.iter().map(|(_, activity)| activity)
    }

    fn pick(&self, random: &mut fastrand::Rng) -> Option<&Activity> {
        let total: f64 = self.0.iter().map(|(weight, _)| weight).sum();
        let mut left = random.f64() * total;
        let picked = self.0.iter().find(|(weight, _)| {
            left -= weight;
            left < 0.0
        });
        picked.map(|(_, activity)| activity)
    }
}

/// Whom a client with a WebSocket talks to.
pub struct Peer {
    /// The other user, or the group.
    pub id: String,
    /// `single` or `group`.
    pub chat_type: &'static str,
}

impl Worker {
    /// Does one thing that was due at `intended`.
    pub(super) fn act(&mut self, intended: u64, phases: &Phases) -> Result<()> {
        let Some(activity) = self.mix.pick(&mut self.random).cloned() else {
            return Ok(());
        };
        match activity {
            Activity::Write(senders) => {
                let author = |worker: &Self, sender: u32| worker.book.senders[sender as usize].client;
                if let Some(sender) = self.find_present(senders, author) {
                    self.send(sender, intended, phases);
                }
            }
            Activity::Page => {
                let reader = self.random.u32(..self.pages.readers.len() as u32);
                self.ask_page(reader, intended, phases);
            }
            Activity::Typing => self.tell_peer(|peer, _| wire::typing(&peer.id, peer.chat_type)),
            Activity::Read => self.tell_peer(|peer, seq| wire::read(&peer.id, peer.chat_type, seq)),
            Activity::Reconnect => self.reconnect_one(intended)?,
        }
        Ok(())
    }

    /// One at random whose client is there.
    fn find_present(&mut self, range: Range<u32>, client: impl Fn(&Self, u32) -> u32) -> Option<u32> {
        (0..ATTEMPTS).find_map(|_| {
            let one = self.random.u32(range.clone());
            let line = &self.lines[client(self, one) as usize];
            (line.arrival.stage == Stage::Ready).then_some(one)
        })
    }

    fn find_present_client(&mut self) -> Option<u32> {
        self.find_present(0..self.peers.len() as u32, |_, client| client)
    }

    /// Asks for a page of a conversation of the reader.
    pub(super) fn ask_page(&mut self, reader: u32, intended: u64, phases: &Phases) {
        let measured = phases.is_measured(intended);
        let (number, path) = self.pages.ask(reader, &self.book, intended, measured, &mut self.random);
        if let Some(client) = &mut self.lines[number as usize].client {
            client.get(&path);
            self.mark_dirty(number);
        }
    }

    /// Sends a frame about the conversation of a client, once it has one; `frame` is given the peer and the newest
    /// number that the client knows.
    fn tell_peer(&mut self, frame: impl Fn(&Peer, u64) -> String) {
        let Some(number) = self.find_present_client() else {
            return;
        };
        let newest = self.book.newest(number);
        if newest == 0 {
            return;
        }
        let text = frame(&self.peers[number as usize], newest);
        if let Some(client) = &mut self.lines[number as usize].client {
            client.send(text.as_bytes(), self.random.u32(..));
            self.mark_dirty(number);
        }
    }

    /// Cuts a connection off whose client awaits no ack, and opens it again.
    fn reconnect_one(&mut self, now: u64) -> Result<()> {
        match self.find_present_client() {
            Some(number) if self.book.awaits_nothing(number) => {
                self.leave(number);
                self.begin_opening(number, now)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activities_come_as_often_as_they_weigh() {
        let mix = Mix::new(vec![
            (3.0, Activity::Typing),
            (1.0, Activity::Page),
            (0.0, Activity::Read),
        ]);
        let mut random = fastrand::Rng::with_seed(1);
        let picked: Vec<&Activity> = (0..10_000).filter_map(|_| mix.pick(&mut random)).collect();
        let count = |activity| picked.iter().filter(|&&one| *one == activity).count();
        assert_eq!(picked.len(), 10_000);
        assert!((7_300..7_700).contains(&count(Activity::Typing)));
        assert_eq!(count(Activity::Read), 0);
    }
}
