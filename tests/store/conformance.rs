//! What every backend must do, whatever it is made of.

use std::sync::Arc;

use ringim::domain::change::Change;
use ringim::domain::command::{Actor, ConversationRef};
use ringim::domain::conversation::ChatType;
use ringim::domain::id::UserKey;
use ringim::domain::query::{Answer, History, Query, Window};

use crate::store::{Store, Subject};
use crate::vocabulary::{pair, to_user, user};

/// A page of the conversation of users 1 and 2, seen by user 1.
fn page<S: Subject>(store: &mut Store<S>, window: Window, limit: u32) -> History {
    let conversation = ConversationRef::Peer(ChatType::Single, "user2".into());
    match store.answer(&Query::History {
        actor: Actor::User(UserKey(1)),
        conversation,
        window,
        limit,
    }) {
        Answer::History(history) => history,
        other => panic!("{other:?}"),
    }
}

/// A page shows what was committed, from both sides and after opening again.
pub fn history(subject: impl Subject) {
    let mut store = Store::new(subject);
    let mut changes: Vec<Change> = (1..=2).map(|key| Change::PutUser(Arc::new(user(key)))).collect();
    changes.extend(pair(1, 1, 2, 1));
    store.commit(&changes);
    assert_eq!(page(&mut store, Window::Newest, 10).messages, []);
    for seq in 1..=20 {
        store.say(vec![to_user(seq, 1, seq, 1 + seq % 2, 2 - seq % 2)]);
    }
    for _ in 0..2 {
        let newest = page(&mut store, Window::Newest, 5);
        let expected: Vec<_> = (16..=20)
            .map(|seq| Arc::new(to_user(seq, 1, seq, 1 + seq % 2, 2 - seq % 2)))
            .collect();
        assert_eq!((newest.messages, newest.has_more), (expected, true));
        let seqs = |history: History| history.messages.iter().map(|message| message.seq).collect::<Vec<_>>();
        assert_eq!(seqs(page(&mut store, Window::Before(4), 10)), [1, 2, 3]);
        assert_eq!(seqs(page(&mut store, Window::After(18), 10)), [19, 20]);
        assert_eq!(seqs(page(&mut store, Window::Around(10), 5)), [8, 9, 10, 11, 12]);
        assert_eq!(seqs(page(&mut store, Window::Range(3, 5), 10)), [3, 4, 5]);
        store.reopen();
    }
}
