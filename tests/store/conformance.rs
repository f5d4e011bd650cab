//! What every backend must do, whatever it is made of: random histories, compared with a simple model,
//! the store in memory, after every few batches.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ringim::base::limits;
use ringim::domain::change::Change;
use ringim::domain::command::{Actor, ConversationRef};
use ringim::domain::conversation::{ChatType, Parties};
use ringim::domain::id::{ConversationKey, GroupId, GroupKey, Position, UserId, UserKey, Username};
use ringim::domain::message::Content;
use ringim::domain::query::{Answer, ConversationView, Page, Query, SyncCursor, Window};
use ringim::domain::rejection::Rejection;
use ringim::store::memory::MemoryStore;
use ringim::store::{Backend, QueryFault, Reader};

use crate::random::{Numbers, World};
use crate::store::{Store, Subject};

/// A store of the simple model.
pub struct Model(pub MemoryStore, Box<dyn Backend>);

impl Model {
    pub fn new() -> Self {
        let store = MemoryStore::new();
        let backend = Box::new(store.backend());
        Self(store, backend)
    }
}

impl Subject for Model {
    fn backend(&mut self) -> &mut dyn Backend {
        self.1.as_mut()
    }

    fn reader(&mut self) -> Box<dyn Reader> {
        Box::new(self.0.reader())
    }

    fn reopen(&mut self) -> bool {
        self.1 = Box::new(self.0.backend());
        true
    }
}

/// Writes one random history into both and compares everything that can be read.
pub fn agrees_with_the_model(subject: impl Subject, seed: u64, batches: usize) {
    let (mut store, mut model) = (Store::new(subject), Store::new(Model::new()));
    let mut world = World::new(seed);
    let mut numbers = Numbers::new(seed ^ 0xdead_beef);
    for batch in 0..batches {
        if numbers.below(10) == 0 {
            refuse_a_batch(&mut store, world.clone());
        }
        let changes = world.batch();
        model.commit(&changes);
        store.commit(&changes);
        match numbers.below(12) {
            0 => store.settle(),
            1 => drop(store.reopen()),
            _ => drop(store.subject.backend().maintain(false)),
        }
        if batch % 10 == 9 || batch + 1 == batches {
            let where_ = format!("seed {seed}, batch {batch}");
            compare_facts(&mut store, &mut model, &world, &where_);
            compare_answers(&mut store, &mut model, &world, &mut numbers, &where_);
        }
    }
}

/// A batch that is taken back leaves nothing.
fn refuse_a_batch<S: Subject>(store: &mut Store<S>, mut world: World) {
    let backend = store.subject.backend();
    backend.begin().expect("a batch begins");
    for change in world.batch() {
        backend.write(&change).expect("a change is written");
    }
    backend.rollback();
}

fn compare_facts<S: Subject>(store: &mut Store<S>, model: &mut Store<Model>, world: &World, where_: &str) {
    let (one, two) = (store.subject.backend(), model.subject.backend());
    assert_eq!(
        one.counters().expect("counters"),
        two.counters().expect("counters"),
        "{where_}"
    );
    for talk in &world.talks {
        let facts = |backend: &mut dyn Backend| {
            let conversation = backend.conversation(talk.parties).expect("a conversation");
            let parties = backend.parties(ConversationKey(talk.key)).expect("parties");
            let receipts = |user| {
                backend
                    .progress(ConversationKey(talk.key), UserKey(user))
                    .expect("receipts")
            };
            let receipts: Vec<_> = (1..=world.users).map(receipts).collect();
            (conversation, parties, receipts)
        };
        assert_eq!(facts(one), facts(two), "{where_}: {talk:?}");
        assert_eq!(
            facts(two).0.map(|found| found.head),
            Some(talk.head),
            "{where_}: {talk:?}"
        );
    }
    for key in 1..=world.users {
        let name = format!("user{key}");
        let facts = |backend: &mut dyn Backend| {
            let user = backend.user(UserKey(key)).expect("a user");
            let by_name = backend.user_by_username(&format!("name{key}")).expect("a user");
            (
                user,
                backend.user_by_id(&name).expect("a user"),
                by_name,
                backend.groups_of(UserKey(key)).expect("groups"),
            )
        };
        assert_eq!(facts(one), facts(two), "{where_}");
    }
    for key in 1..=world.groups {
        let facts = |backend: &mut dyn Backend| {
            let members = backend.members(GroupKey(key)).expect("members");
            (
                backend.group(GroupKey(key)).expect("a group"),
                members,
                backend.group_by_id(&format!("group{key}")).expect("a group"),
            )
        };
        assert_eq!(facts(one), facts(two), "{where_}");
    }
    compare_log_facts(one, two, world, where_);
}

fn compare_log_facts(one: &mut dyn Backend, two: &mut dyn Backend, world: &World, where_: &str) {
    let recent = |backend: &mut dyn Backend| {
        let mut ids = Vec::new();
        backend
            .recent_ids(17, &mut |position, user, id| ids.push((position, user, id.to_owned())))
            .expect("ids");
        ids
    };
    assert_eq!(recent(one), recent(two), "{where_}");
    for position in (1..=world.position).map(Position) {
        assert_eq!(
            one.message(position).expect("a message"),
            two.message(position).expect("a message"),
            "{where_}"
        );
    }
    for number in 1..=3_u8 {
        let facts = |backend: &mut dyn Backend| {
            let hook = format!("hook{number}");
            let dead = backend.dead_deliveries(&hook).expect("deliveries");
            let key = backend.key(&[number; 32]).expect("a key");
            (
                backend.webhook(&hook).expect("a webhook"),
                dead,
                key,
                backend.key_by_id(&format!("key{number}")).expect("a key"),
            )
        };
        assert_eq!(facts(one), facts(two), "{where_}");
    }
}

/// The answer, or the rule that refused it.
fn judged(result: Result<Answer, QueryFault>, where_: &str) -> Result<Answer, Rejection> {
    match result {
        Ok(Answer::Users(mut users)) => {
            // A search may list its finds in any order that pages keep.
            users.items.sort_by_key(|user| user.key);
            Ok(Answer::Users(users))
        }
        Ok(Answer::Audience(audience)) => {
            let mut users = audience.to_vec();
            users.sort();
            Ok(Answer::Audience(users.into()))
        }
        Ok(answer) => Ok(answer),
        Err(QueryFault::Rejected(rejection)) => Err(rejection),
        Err(QueryFault::Store(error)) => panic!("{where_}: {error}"),
    }
}

fn compare_answers<S: Subject>(
    store: &mut Store<S>,
    model: &mut Store<Model>,
    world: &World,
    numbers: &mut Numbers,
    where_: &str,
) {
    let mut queries = fixed_queries();
    for _ in 0..30 {
        queries.push(history(world, numbers));
        queries.push(standings(world, numbers));
    }
    for user in (1..=world.users).map(UserKey) {
        let position = Position(numbers.below(world.position as usize + 2) as i64);
        let cursor = Some(SyncCursor { position, loaded: None });
        let limit = 1 + numbers.below(20) as u32;
        queries.extend([
            Query::Sync {
                user,
                cursor: None,
                limit,
            },
            Query::Sync { user, cursor, limit },
        ]);
        queries.extend([
            Query::GroupsOf(user, page(2)),
            Query::Conversations(user, page(3)),
            Query::PasswordOf(user),
        ]);
        let others = (1..=world.users).filter(|other| *other != user.0);
        queries.push(Query::Sharing(
            user,
            others.map(|key| UserId::stored(&format!("User{key}"))).collect(),
        ));
        queries.push(Query::Log { after: position, limit });
        for (chat_type, peer) in [
            (ChatType::Single, format!("User{}", user.0)),
            (ChatType::Group, "Group1".to_owned()),
        ] {
            queries.push(Query::AudienceOf {
                user,
                chat_type,
                peer: peer.into(),
            });
        }
    }
    for query in queries {
        compare_pages(store, model, query, where_);
    }
}

fn page(limit: u32) -> Page {
    Page { cursor: None, limit }
}

fn fixed_queries() -> Vec<Query> {
    let mut queries = vec![
        Query::Counts,
        Query::ApiKeys,
        Query::Webhooks,
        Query::Users(page(4)),
        Query::Groups(page(2)),
    ];
    for id in ["User1", "user1", "User3", "User999"] {
        queries.push(Query::User(UserId::stored(id)));
        queries.push(Query::Password(Username::stored(&id.replace("User", "Name"))));
    }
    for prefix in ["", "user", "NAME1", "nick", "Other", "user2", "\u{10FFFF}", "%"] {
        queries.push(Query::SearchUsers(prefix.into(), page(1000)));
    }
    for number in 1..=3 {
        let id = GroupId::stored(&format!("Group{number}"));
        for actor in [Actor::Admin, Actor::User(UserKey(2))] {
            queries.extend([
                Query::Group(actor, id.clone()),
                Query::Members(actor, id.clone(), page(2)),
            ]);
        }
        queries.push(Query::Deliveries {
            webhook: format!("hook{number}").into(),
            state: None,
            page: page(2),
        });
    }
    queries
}

fn history(world: &World, numbers: &mut Numbers) -> Query {
    let talk = numbers.pick(&world.talks).clone();
    let seq = numbers.below(talk.head as usize + 1) as i64;
    let window = match numbers.below(5) {
        0 => Window::Newest,
        1 => Window::Before(seq),
        2 => Window::After(seq),
        3 => Window::Around(seq),
        _ => Window::Range(seq, seq + numbers.below(30) as i64),
    };
    let user = UserKey(1 + numbers.below(world.users as usize) as i64);
    let actor = if numbers.below(2) == 0 {
        Actor::Admin
    } else {
        Actor::User(user)
    };
    let conversation = match (numbers.below(2), talk.parties) {
        (0, _) => ConversationRef::Key(ConversationKey(talk.key)),
        (_, Parties::Group(group)) => ConversationRef::Peer(ChatType::Group, format!("Group{}", group.0).into()),
        (_, Parties::Pair(low, high)) => {
            ConversationRef::Pair(format!("User{}", low.0).into(), format!("User{}", high.0).into())
        }
    };
    Query::History {
        actor,
        conversation,
        window,
        limit: 1 + numbers.below(60) as u32,
    }
}

fn standings(world: &World, numbers: &mut Numbers) -> Query {
    let talk = numbers.pick(&world.talks).clone();
    Query::Standings {
        user: UserKey(*numbers.pick(&talk.users)),
        conversation: ConversationRef::Key(ConversationKey(talk.key)),
        seq: numbers.below(talk.head as usize + 2) as i64,
        page: page(2),
    }
}

/// Compares all pages of a query, each store following its own cursors.
fn compare_pages<S: Subject>(store: &mut Store<S>, model: &mut Store<Model>, query: Query, where_: &str) {
    let (mut ours, mut theirs) = (query.clone(), query.clone());
    let (mut views, mut expected_views) = (BTreeMap::new(), BTreeMap::new());
    for _ in 0..10_000 {
        let where_ = format!("{where_}: {query:?}");
        let (mut answer, mut expected) = (judged(store.ask(&ours), &where_), judged(model.ask(&theirs), &where_));
        take_views(&mut answer, &mut views);
        take_views(&mut expected, &mut expected_views);
        let (sync, expected_sync) = (take_sync_cursor(&mut answer), take_sync_cursor(&mut expected));
        let (next, expected_next) = (take_cursor(&mut answer), take_cursor(&mut expected));
        assert_eq!(answer, expected, "{where_}");
        assert_eq!(next.is_some(), expected_next.is_some(), "{where_}");
        match (next.zip(expected_next), sync.zip(expected_sync)) {
            (Some((next, expected_next)), _) => {
                ours = with_cursor(ours, next);
                theirs = with_cursor(theirs, expected_next);
            }
            (_, Some((next, expected_next))) => {
                ours = with_sync_cursor(ours, next);
                theirs = with_sync_cursor(theirs, expected_next);
            }
            _ => return assert_eq!(views, expected_views, "{where_}"),
        }
    }
    panic!("{where_}: {query:?} has no last page");
}

/// A sync may show a conversation on the page before or after the one where it changed.
fn take_views(answer: &mut Result<Answer, Rejection>, views: &mut BTreeMap<ConversationKey, ConversationView>) {
    if let Ok(Answer::Sync(page)) = answer {
        views.extend(page.conversations.drain(..).map(|view| (view.conversation, view)));
    }
}

/// The place where a sync goes on, which need not be that of the last message; the end is the same for all.
fn take_sync_cursor(answer: &mut Result<Answer, Rejection>) -> Option<SyncCursor> {
    match answer {
        Ok(Answer::Sync(page)) if page.more => {
            let end = SyncCursor {
                position: Position(0),
                loaded: None,
            };
            Some(std::mem::replace(&mut page.cursor, end))
        }
        _ => None,
    }
}

fn with_sync_cursor(mut query: Query, next: SyncCursor) -> Query {
    if let Query::Sync { cursor, .. } = &mut query {
        *cursor = Some(next);
    }
    query
}

/// Each store may write its cursors as it likes.
fn take_cursor(answer: &mut Result<Answer, Rejection>) -> Option<Box<str>> {
    match answer {
        Ok(Answer::Users(listed)) => listed.next.take(),
        Ok(Answer::Groups(listed)) => listed.next.take(),
        Ok(Answer::Members(listed)) => listed.next.take(),
        Ok(Answer::Conversations(listed)) => listed.next.take(),
        Ok(Answer::Deliveries(listed)) => listed.next.take(),
        Ok(Answer::Standings(listed)) => listed.next.take(),
        _ => None,
    }
}

fn with_cursor(mut query: Query, cursor: Box<str>) -> Query {
    let page = match &mut query {
        Query::Users(page) | Query::SearchUsers(_, page) | Query::Groups(page) => page,
        Query::GroupsOf(_, page) | Query::Members(_, _, page) | Query::Conversations(_, page) => page,
        Query::Deliveries { page, .. } | Query::Standings { page, .. } => page,
        other => panic!("{other:?} has no pages"),
    };
    page.cursor = Some(cursor);
    query
}

/// Following the cursors of `sync` shows each message of a user's conversations once, in log order.
pub fn sync_misses_nothing(subject: impl Subject, seed: u64) {
    let mut store = Store::new(subject);
    let mut world = World::new(seed);
    let mut cursor = None;
    let mut seen: Vec<(i64, i64)> = Vec::new();
    let user = UserKey(1);
    for round in 0..60 {
        let changes: Vec<Change> = world
            .batch()
            .into_iter()
            .filter(|change| keeps_members(change, user))
            .collect();
        store.commit(&changes);
        store
            .subject
            .backend()
            .maintain(round % 3 == 0)
            .expect("maintenance works");
        if round % 4 != 3 {
            continue;
        }
        loop {
            let Answer::Sync(page) = store.answer(&Query::Sync { user, cursor, limit: 5 }) else {
                panic!("no page")
            };
            assert!(page.recovered);
            assert!(page.messages.is_sorted_by_key(|message| message.position));
            seen.extend(
                page.messages
                    .iter()
                    .map(|message| (message.conversation.0, message.seq)),
            );
            cursor = Some(page.cursor);
            if !page.more {
                break;
            }
        }
    }
    let unique: BTreeSet<(i64, i64)> = seen.iter().copied().collect();
    assert_eq!(unique.len(), seen.len(), "a message came twice");
    for talk in world
        .talks
        .iter()
        .filter(|talk| matches!(talk.parties, Parties::Pair(..)) && talk.users.contains(&1))
    {
        let missing: Vec<i64> = (1..=talk.head)
            .filter(|seq| !unique.contains(&(talk.key, *seq)))
            .collect();
        // The first load of a conversation shows its newest messages; all later ones must come.
        assert!(
            missing.iter().all(|seq| *seq <= talk.head - 5),
            "{missing:?} of {talk:?}"
        );
    }
}

fn keeps_members(change: &Change, user: UserKey) -> bool {
    !matches!(change, Change::DropParticipant { user: dropped, .. } if *dropped == user)
}

/// Facts include what the open batch has written, and a message given twice is there once.
pub fn a_batch_sees_itself(subject: impl Subject) {
    let mut store = Store::new(subject);
    let mut world = World::new(7);
    store.commit(&world.batch());
    let talk = loop {
        store.commit(&world.batch());
        if let Some(talk) = world
            .talks
            .iter()
            .find(|talk| matches!(talk.parties, Parties::Pair(..)))
        {
            break talk.clone();
        }
    };
    let position = world.position + 1;
    let said = crate::vocabulary::to_user(position, talk.key, talk.head + 1, talk.users[0], talk.users[1]);
    let change = Change::PutMessage(Arc::new(said.clone()));
    let backend = store.subject.backend();
    backend.begin().expect("a batch begins");
    backend.write(&change).expect("a change is written");
    backend.write(&change).expect("a change is written twice");
    let found = backend
        .conversation(talk.parties)
        .expect("a conversation")
        .expect("it is there");
    assert_eq!((found.head, found.last_position), (talk.head + 1, Position(position)));
    assert_eq!(backend.counters().expect("counters").position, position);
    let found = backend.message(Position(position)).expect("a lookup");
    assert_eq!(found, Some(said));
    backend.rollback();
    assert_eq!(backend.message(Position(position)).expect("a lookup"), None);
    let found = backend
        .conversation(talk.parties)
        .expect("a conversation")
        .expect("it is there");
    assert_eq!(found.head, talk.head);
}

/// A page of a history ends where its bytes do, and says that there is more; following it shows everything once.
pub fn pages_have_few_bytes(subject: impl Subject) {
    let mut store = Store::new(subject);
    let (low, high, key) = (1, 2, 1);
    let parties = Parties::pair(UserKey(low), UserKey(high));
    let users = [low, high].map(|key| Change::PutUser(Arc::new(crate::vocabulary::user(key))));
    store.commit(&users);
    store.commit(&[crate::vocabulary::conversation(key, parties)]);
    const MESSAGES: i64 = 40;
    const CONTENT: usize = 60_000;
    for seq in 1..=MESSAGES {
        let mut message = crate::vocabulary::to_user(seq, key, seq, low, high);
        Arc::make_mut(&mut message.body).content = Content::Text("x".repeat(CONTENT).into());
        store.commit(&[Change::PutMessage(Arc::new(message))]);
    }
    let fits = (limits::PAGE_BYTES / CONTENT) as i64;
    let mut seqs = |window| {
        let query = Query::History {
            actor: Actor::User(UserKey(low)),
            conversation: ConversationRef::Key(ConversationKey(key)),
            window,
            limit: 200,
        };
        let Answer::History(history) = store.answer(&query) else {
            panic!("no history")
        };
        let seqs: Vec<i64> = history.messages.iter().map(|message| message.seq).collect();
        (seqs, history.has_more)
    };
    let expected = |range: std::ops::RangeInclusive<i64>| (range.collect::<Vec<_>>(), true);
    assert_eq!(seqs(Window::Newest), expected(MESSAGES - fits + 1..=MESSAGES));
    assert_eq!(seqs(Window::Before(30)), expected(30 - fits..=29));
    assert_eq!(seqs(Window::Range(3, 30)), expected(3..=2 + fits));
    assert_eq!(seqs(Window::Around(20)), expected(20 - fits / 2..=20 + (fits - 1) / 2));
    assert_eq!(
        seqs(Window::After(MESSAGES - 3)),
        ((MESSAGES - 2..=MESSAGES).collect(), false)
    );
    let (mut seen, mut more) = (Vec::new(), true);
    while more {
        let (page, has_more) = seqs(Window::After(seen.last().copied().unwrap_or(0)));
        seen.extend(page);
        more = has_more;
    }
    assert_eq!(seen, (1..=MESSAGES).collect::<Vec<_>>());
}
