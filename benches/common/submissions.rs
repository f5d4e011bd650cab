//! What users ask the writer for.

use std::sync::Arc;

use ringim::domain::command::{Actor, Command, NewUser, Send, Submission, Ticket};
use ringim::domain::conversation::ChatType;
use ringim::domain::id::{MessageId, UserKey, Username};
use ringim::domain::message::{Body, Content, ContentType};

/// The content of every message.
pub const TEXT: &str = "The quick brown fox jumps over the lazy dog.";

/// The operator creates these users; they are numbered from 1.
pub fn create_users(names: impl IntoIterator<Item = String>) -> Submission {
    let users = names.into_iter().map(|name| NewUser {
        id: None,
        username: Username::parse(&name).unwrap(),
        nickname: None,
        password: None,
    });
    submission(Actor::Admin, Command::CreateUsers(users.collect()))
}

/// A user writes to another.
pub fn send(id: &str, from: UserKey, to: &str) -> Submission {
    let send = Send {
        id: MessageId::parse(id).unwrap(),
        from: None,
        chat_type: ChatType::Single,
        to: to.into(),
        body: Arc::new(Body {
            content_type: ContentType::TEXT,
            content: Content::Text(TEXT.into()),
            reply_to: None,
            mentions: None,
            ext: None,
        }),
    };
    submission(Actor::User(from), Command::Send(Box::new(send)))
}

fn submission(actor: Actor, command: Command) -> Submission {
    Submission {
        actor,
        command,
        connection: None,
        ticket: Ticket {
            asker: Ticket::NOBODY,
            number: 0,
        },
    }
}
