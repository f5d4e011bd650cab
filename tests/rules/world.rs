//! A committer on a store in memory, and short words for commands.

use std::sync::Arc;

use ringim::domain::command::{Actor, Command, NewGroup, NewUser, Reply, Send, Sent, Submission, Ticket};
use ringim::domain::conversation::ChatType;
use ringim::domain::event::{CommittedBatch, Event, Notice, SessionEnd};
use ringim::domain::group::{JoinPolicy, Role};
use ringim::domain::id::{GroupId, MessageId, UserId, UserKey, Username};
use ringim::domain::message::{Body, Content, ContentType};
use ringim::domain::rejection::Rejection;
use ringim::domain::user::{User, UserRef};
use ringim::store::StoreError;
use ringim::store::committer::Committer;
use ringim::store::memory::{MemoryBackend, MemoryStore};

pub struct World {
    pub store: MemoryStore,
    pub committer: Committer<MemoryBackend>,
    /// The events of the last command.
    pub events: Vec<Event>,
    pub now: i64,
}

pub type Outcome = Result<Reply, Rejection>;

impl World {
    pub fn new() -> Self {
        let store = MemoryStore::new();
        let committer = Committer::new(store.backend(), 1000).unwrap();
        Self {
            store,
            committer,
            events: Vec::new(),
            now: 1_000_000,
        }
    }

    /// A world with these users.
    pub fn with(users: &[&str]) -> Self {
        let mut world = Self::new();
        users.iter().for_each(|name| drop(world.create(name).unwrap()));
        world
    }

    pub fn try_batch(&mut self, commands: Vec<(Actor, Command)>) -> Result<CommittedBatch, StoreError> {
        let submit = |(number, (actor, command)): (usize, (Actor, Command))| Submission {
            actor,
            command,
            connection: None,
            ticket: Ticket {
                asker: 0,
                number: number as u64,
            },
        };
        let submissions: Vec<Submission> = commands.into_iter().enumerate().map(submit).collect();
        self.committer.commit(&submissions, self.now)
    }

    /// Commits one command alone.
    pub fn run(&mut self, actor: Actor, command: Command) -> Outcome {
        let mut batch = self.try_batch(vec![(actor, command)]).unwrap();
        self.events = batch.events;
        batch.settlements.pop().unwrap().result
    }

    /// The same as a user.
    pub fn as_user(&mut self, name: &str, command: Command) -> Outcome {
        let actor = Actor::User(self.key(name));
        self.run(actor, command)
    }

    pub fn as_admin(&mut self, command: Command) -> Outcome {
        self.run(Actor::Admin, command)
    }

    pub fn create(&mut self, name: &str) -> Result<std::sync::Arc<User>, Rejection> {
        match self.as_admin(Command::CreateUsers(vec![new_user(name)]))? {
            Reply::Created(mut users) => users.pop().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    pub fn user(&mut self, name: &str) -> std::sync::Arc<User> {
        match self.as_admin(Command::LookUpAccounts(vec![user(name)])) {
            Ok(Reply::Accounts(mut accounts)) => accounts.pop().unwrap().unwrap().user,
            other => panic!("{other:?}"),
        }
    }

    pub fn key(&mut self, name: &str) -> UserKey {
        self.user(name).key
    }

    pub fn send(&mut self, from: &str, chat_type: ChatType, to: &str, id: &str) -> Result<Sent, Rejection> {
        match self.as_user(from, send(chat_type, to, id, "text"))? {
            Reply::Sent(sent) => Ok(sent),
            other => panic!("{other:?}"),
        }
    }

    /// A group owned by the first of its members.
    pub fn group(&mut self, id: &str, members: &[&str], join_policy: JoinPolicy) -> Outcome {
        self.as_user(members[0], create_group(id, members, join_policy))
    }

    pub fn role(&mut self, owner: &str, group: &str, name: &str, role: Role) -> Outcome {
        self.as_user(
            owner,
            Command::SetRole {
                group: group_id(group),
                user: user_id(name),
                role,
            },
        )
    }

    /// The only notice among the events of the last command.
    pub fn notice(&self) -> &Notice {
        let mut notices = self.events.iter().filter_map(|event| match event {
            Event::Notice { notice, .. } => Some(&**notice),
            _ => None,
        });
        let first = notices.next().expect("a notice");
        assert!(notices.next().is_none(), "one notice");
        first
    }

    pub fn ended_sessions(&self) -> Vec<SessionEnd> {
        let ended = |event: &Event| match event {
            Event::SessionsEnded { reason, .. } => Some(*reason),
            _ => None,
        };
        self.events.iter().filter_map(ended).collect()
    }
}

pub fn new_user(name: &str) -> NewUser {
    NewUser {
        id: None,
        username: Username::parse(name).unwrap(),
        nickname: None,
        password: None,
    }
}

pub fn user_id(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

pub fn user(name: &str) -> UserRef {
    UserRef::Id(user_id(name))
}

pub fn group_id(name: &str) -> GroupId {
    GroupId::parse(name).unwrap()
}

pub fn send(chat_type: ChatType, to: &str, id: &str, content: &str) -> Command {
    let content = Content::Text(content.into());
    let body = Body {
        content_type: ContentType::TEXT,
        content,
        reply_to: None,
        mentions: None,
        ext: None,
    };
    Command::Send(Box::new(Send {
        id: MessageId::parse(id).unwrap(),
        from: None,
        chat_type,
        to: to.into(),
        body: Arc::new(body),
    }))
}

pub fn create_group(id: &str, members: &[&str], join_policy: JoinPolicy) -> Command {
    Command::CreateGroup(NewGroup {
        id: group_id(id),
        name: id.into(),
        creator: user(members[0]),
        members: members.iter().map(|name| user_id(name)).collect(),
        join_policy,
    })
}
