//! Occurrences for the tests of this folder.

use std::sync::Arc;

use super::Occurrence;
use crate::domain::conversation::ChatType;
use crate::domain::event::{Notice, NoticeKind};
use crate::domain::group::{Group, JoinPolicy};
use crate::domain::id::{ConversationKey, GroupId, GroupKey, MessageId, Position, UserId, UserKey, Username};
use crate::domain::message::{Body, Content, ContentType, Message};
use crate::domain::query::LogEntry;
use crate::domain::user::{User, UserStatus};

pub fn message(content_type: &str, content: Content) -> Occurrence {
    Occurrence::Entry(LogEntry::Message(Arc::new(Message {
        position: Position(7),
        id: MessageId::stored("m-1"),
        conversation: ConversationKey(3),
        seq: 2,
        chat_type: ChatType::Single,
        from: UserKey(1),
        from_id: UserId::stored("alice"),
        from_name: "Alice".into(),
        to_id: "bob".into(),
        timestamp: 1_700_000_000_000,
        body: Arc::new(Body {
            content_type: ContentType::stored(content_type),
            content,
            reply_to: None,
            mentions: None,
            ext: None,
        }),
    })))
}

pub fn text(content: &str) -> Occurrence {
    message("text", Content::Text(content.into()))
}

pub fn notice(kind: NoticeKind) -> Occurrence {
    let user = User {
        key: UserKey(2),
        id: UserId::stored("bob"),
        username: Username::stored("bob"),
        nickname: None,
        avatar: None,
        status: UserStatus::Active,
        created_at: 5,
        generation: 0,
        granted: Arc::default(),
    };
    let group = Group {
        key: GroupKey(1),
        id: GroupId::stored("g"),
        name: "Team".into(),
        owner: UserKey(1),
        join_policy: JoinPolicy::Invite,
        member_count: 2,
        created_at: 6,
        dismissed: false,
        conversation: ConversationKey(4),
    };
    let registered = kind == NoticeKind::UserRegistered;
    Occurrence::Entry(LogEntry::Notice(Arc::new(Notice {
        position: Position(8),
        timestamp: 9,
        kind,
        group: (!registered).then(|| (Arc::new(group), UserId::stored("alice"))),
        users: vec![Arc::new(user)],
        by: None,
    })))
}
