//! Pages of histories: who reads them, and whether they hold what they must.

use std::collections::VecDeque;

use hdrhistogram::Histogram;

use super::book::Book;
use super::wire::HistoryPage;
use crate::histogram::{new_histogram, record};

/// Messages of a full page.
const PAGE_MESSAGES: u64 = 50;

/// A conversation that is read.
pub struct Conversation {
    /// The other user, or the group.
    pub peer: String,
    /// `single` or `group`.
    pub chat_type: &'static str,
    /// Who writes in it: senders of the worker's book, and nobody else.
    pub senders: Vec<u32>,
}

/// A keep-alive connection that reads the conversations of its user.
pub struct Reader {
    client: u32,
    conversations: Vec<Conversation>,
    asked: VecDeque<Asked>,
}

/// A request that is under way.
struct Asked {
    conversation: usize,
    /// The page ends before this number; else it is the newest one.
    before: Option<u64>,
    /// What was acked in the conversation by then.
    head: u64,
    intended: u64,
    measured: bool,
}

impl Reader {
    /// A reader that has asked for nothing yet.
    pub fn new(client: u32, conversations: Vec<Conversation>) -> Self {
        Self {
            client,
            conversations,
            asked: VecDeque::new(),
        }
    }
}

/// The readers of one worker.
#[derive(Default)]
pub struct Pages {
    pub readers: Vec<Reader>,
    pub in_flight: u64,
    /// Readers that may ask again.
    pub completed: Vec<u32>,
    pub counts: PageCounts,
}

/// What came of the requests.
pub struct PageCounts {
    /// Pages asked for while measuring that came.
    pub measured: u64,
    /// From the beginning on.
    pub total: u64,
    /// Microseconds from the intended time to the whole page.
    pub latency: Histogram<u64>,
}

impl Default for PageCounts {
    fn default() -> Self {
        Self {
            measured: 0,
            total: 0,
            latency: new_histogram(),
        }
    }
}

impl Pages {
    /// Enters a request for a page at random, and returns the reader's client and the path.
    pub fn ask(
        &mut self,
        reader: u32,
        book: &Book,
        intended: u64,
        measured: bool,
        random: &mut fastrand::Rng,
    ) -> (u32, String) {
        let reader = &mut self.readers[reader as usize];
        let number = random.usize(..reader.conversations.len());
        let conversation = &reader.conversations[number];
        let head = book.head(&conversation.senders);
        let before = (head > 0 && random.bool()).then(|| random.u64(2..=head + 1));
        reader.asked.push_back(Asked {
            conversation: number,
            before,
            head,
            intended,
            measured,
        });
        self.in_flight += 1;
        let Conversation { peer, chat_type, .. } = conversation;
        let mut path = format!("/api/message/history?chatType={chat_type}&peerId={peer}&limit={PAGE_MESSAGES}");
        if let Some(before) = before {
            path.push_str(&format!("&before={before}"));
        }
        (reader.client, path)
    }

    /// Enters a page that `client` received.
    pub fn received(&mut self, client: u32, page: &HistoryPage<'_>, book: &mut Book, now: u64) {
        let Some((number, asked)) = self.answered(client) else {
            book.faults.misdelivered += 1;
            return;
        };
        let conversation = &self.readers[number].conversations[asked.conversation];
        book.faults.wrong_pages += u64::from(!is_right(page, &asked, conversation, book));
        self.counts.total += 1;
        if asked.measured {
            self.counts.measured += 1;
            record(&mut self.counts.latency, asked.intended, now);
        }
    }

    /// Enters that a client was refused something, which is a page if it is a reader's.
    pub fn refused(&mut self, client: u32) {
        self.answered(client);
    }

    /// The oldest request of the client: answers come in the order of the requests.
    fn answered(&mut self, client: u32) -> Option<(usize, Asked)> {
        let number = self.readers.iter().position(|reader| reader.client == client)?;
        let asked = self.readers[number].asked.pop_front()?;
        self.in_flight -= 1;
        self.completed.push(number as u32);
        Some((number, asked))
    }
}

/// Whether the page has all it must have, in order and without a gap, and nothing else.
fn is_right(page: &HistoryPage<'_>, asked: &Asked, conversation: &Conversation, book: &Book) -> bool {
    let (mut first, mut last, mut count, mut sound) = (0, 0, 0, true);
    for (id, seq) in page.messages() {
        sound &= book.is_by(id, &conversation.senders) && (count == 0 || seq == last + 1);
        first = if count == 0 { seq } else { first };
        last = seq;
        count += 1;
    }
    let ends_right = match asked.before {
        Some(before) => last == before - 1,
        None => last >= asked.head,
    };
    sound && ends_right && count == last.min(PAGE_MESSAGES) && page.more == (first > 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::client::Transport;
    use crate::load::message_id::MessageIds;
    use crate::load::sender::{Room, Sender};
    use crate::load::wire::{Incoming, Template};

    /// A book of 60 acked messages of one sender, and their ids.
    fn book() -> (Book, Vec<String>) {
        let nobody = Room {
            first_client: 0,
            members: 0,
        };
        let template = Template::new(Transport::Http, "u", "single", "");
        let mut book = Book::new(MessageIds::random(), 0, vec![Sender::new(0, nobody, template)], 1);
        let mut body = Vec::new();
        let ids = (1..=60).map(|seq| {
            book.compose(0, 0, false, &mut body);
            let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
            let id = value["id"].as_str().unwrap().to_owned();
            book.acked(0, id.as_bytes(), seq, 0, false);
            id
        });
        let ids = ids.collect();
        (book, ids)
    }

    /// Wrong pages that are counted when the server answers the request for the newest page so.
    fn wrong(numbers: impl Iterator<Item = usize>, more: bool) -> u64 {
        let (mut book, ids) = book();
        let conversation = Conversation {
            peer: "u".to_owned(),
            chat_type: "single",
            senders: vec![0],
        };
        let mut pages = Pages {
            readers: vec![Reader::new(0, vec![conversation])],
            ..Pages::default()
        };
        let mut random = fastrand::Rng::with_seed(1);
        pages.ask(0, &book, 0, true, &mut random);
        pages.readers[0].asked[0].before = None;
        let items: Vec<String> = numbers
            .map(|seq| format!(r#"{{"id":"{}","seq":{seq}}}"#, ids[seq - 1]))
            .collect();
        let body = format!(
            r#"{{"code":200,"message":"ok","data":{{"conversationId":"c1","items":[{}],"hasMore":{more}}}}}"#,
            items.join(",")
        );
        let Incoming::History(page) = Incoming::read(body.as_bytes()) else {
            panic!("not taken for a page");
        };
        pages.received(0, &page, &mut book, 1);
        assert_eq!((pages.in_flight, pages.counts.measured), (0, 1));
        book.faults.wrong_pages
    }

    #[test]
    fn a_page_must_be_whole_and_in_order_and_reach_the_head() {
        assert_eq!(wrong(11..=60, true), 0);
        assert_eq!(wrong(11..=60, false), 1);
        assert_eq!(wrong(12..=60, true), 1);
        assert_eq!(wrong(10..=59, true), 1);
        assert_eq!(wrong((11..=60).rev(), true), 1);
        assert_eq!(wrong((10..=60).filter(|&seq| seq != 30), true), 1);
        assert_eq!(wrong(0..0, false), 1);
    }
}
