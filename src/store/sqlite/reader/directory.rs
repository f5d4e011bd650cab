//! Accounts, groups and who shares what.

use std::sync::Arc;

use rusqlite::{Row, params};

use super::{Answered, Snapshot};
use crate::domain::command::Actor;
use crate::domain::conversation::{ChatType, Parties};
use crate::domain::group::{Group, Member};
use crate::domain::id::{GroupId, GroupKey, UserId, UserKey, Username};
use crate::domain::query::{Listed, Page, StoredPassword};
use crate::domain::rejection::Rejection;
use crate::domain::user::{PasswordHash, User, UserStatus};
use crate::store::QueryFault;
use crate::store::sqlite::rows::{self, all, one};

/// What a user search looks at, in the order of its pages, and which rows an earlier one has shown already.
const SEARCHED: [(&str, &str); 3] = [
    ("lower(id)", "1"),
    ("lower(username)", "substr(lower(id), 1, length(?1)) <> ?1"),
    (
        "lower(nickname)",
        "substr(lower(id), 1, length(?1)) <> ?1 AND substr(lower(username), 1, length(?1)) <> ?1",
    ),
];

impl Snapshot<'_> {
    pub(super) fn user(&self, id: &UserId) -> Answered<Arc<User>> {
        Ok(self.loader().user(self.user_named(id.as_str())?)?)
    }

    pub(super) fn users(&self, page: &Page) -> Answered<Listed<Arc<User>>> {
        let sql = format!(
            "SELECT {} FROM users WHERE key > ?1 AND status <> 'deleted' ORDER BY key LIMIT ?2",
            rows::USER
        );
        let users = all(
            &self.im,
            &sql,
            [key_cursor(page)?, i64::from(page.limit) + 1],
            rows::user,
        )?;
        let users = users.into_iter().map(Arc::new).collect();
        Ok(listed(users, page.limit, |user: &Arc<User>| user.key.0.to_string()))
    }

    /// Goes through the matches by id, then those by username, then those by nickname, each in its index.
    pub(super) fn search_users(&self, prefix: &str, page: &Page) -> Answered<Listed<Arc<User>>> {
        let prefix = prefix.to_ascii_lowercase();
        let (first, mut after) = search_cursor(page)?;
        let wanted = page.limit as usize + 1;
        let mut found: Vec<(String, Arc<User>)> = Vec::new();
        for (place, (column, unseen)) in SEARCHED.iter().enumerate().skip(first) {
            let sql = format!(
                "SELECT {}, {column} FROM users WHERE status <> 'deleted' AND {column} >= ?1
                   AND substr({column}, 1, length(?1)) = ?1 AND ({column}, key) > (?2, ?3) AND {column} < ?5
                   AND status = 'active' AND {unseen} ORDER BY {column}, key LIMIT ?4",
                rows::USER
            );
            let (name, key) = after.take().unwrap_or((String::new(), 0));
            // No text with the prefix sorts after this one: UTF-8 has no byte above it.
            let end = format!("{prefix}\u{10FFFF}\u{10FFFF}");
            let read = |row: &Row| {
                let user = rows::user(row)?;
                Ok((
                    format!("{place}.{}.{}", user.key.0, row.get::<_, String>(9)?),
                    Arc::new(user),
                ))
            };
            let left = (wanted - found.len()) as i64;
            found.extend(all(&self.im, &sql, params![prefix, name, key, left, end], read)?);
            if found.len() == wanted {
                break;
            }
        }
        let page = listed(found, page.limit, |(cursor, _)| cursor.clone());
        Ok(Listed {
            items: page.items.into_iter().map(|(_, user)| user).collect(),
            next: page.next,
        })
    }

    pub(super) fn group(&self, actor: Actor, id: &GroupId) -> Answered<(Arc<Group>, UserId)> {
        let key = self.visible_group(actor, id)?;
        self.with_owner(key)
    }

    fn visible_group(&self, actor: Actor, id: &GroupId) -> Answered<GroupKey> {
        let key = self.group_named(id.as_str())?;
        match actor {
            Actor::User(user) if !rows::is_member(&self.im, key, user)? => Err(Rejection::NotAMember.into()),
            Actor::User(_) | Actor::Admin => Ok(key),
        }
    }

    fn with_owner(&self, key: GroupKey) -> Answered<(Arc<Group>, UserId)> {
        let mut loader = self.loader();
        let group = loader.group(key)?;
        let owner = loader.user(group.owner)?.id.clone();
        Ok((group, owner))
    }

    pub(super) fn members(&self, actor: Actor, id: &GroupId, page: &Page) -> Answered<Listed<(Member, Arc<User>)>> {
        let group = self.visible_group(actor, id)?;
        let (joined_at, user) = pair_cursor(page, (i64::MIN, 0))?;
        let sql = format!(
            "SELECT {} FROM members WHERE group_key = ?1 AND (joined_at, user) > (?2, ?3)
             ORDER BY joined_at, user LIMIT ?4",
            rows::MEMBER
        );
        let members = all(
            &self.im,
            &sql,
            params![group.0, joined_at, user, page.limit + 1],
            rows::member,
        )?;
        let page = listed(members, page.limit, |member| {
            format!("{}.{}", member.joined_at, member.user.0)
        });
        let mut loader = self.loader();
        let with_user = |member: Member| Ok((member, loader.user(member.user)?));
        Ok(Listed {
            items: page.items.into_iter().map(with_user).collect::<Answered<_>>()?,
            next: page.next,
        })
    }

    pub(super) fn groups(&self, page: &Page) -> Answered<Listed<(Arc<Group>, UserId)>> {
        let sql = "SELECT key FROM groups WHERE key > ?1 AND NOT dismissed ORDER BY key LIMIT ?2";
        let keys = all(&self.im, sql, [key_cursor(page)?, i64::from(page.limit) + 1], |row| {
            row.get(0)
        })?;
        self.list_groups(keys, page.limit)
    }

    pub(super) fn groups_of(&self, user: UserKey, page: &Page) -> Answered<Listed<(Arc<Group>, UserId)>> {
        let sql = "SELECT g.key FROM members m JOIN groups g ON g.key = m.group_key
            WHERE m.user = ?1 AND m.group_key > ?2 AND NOT g.dismissed ORDER BY m.group_key LIMIT ?3";
        let keys = all(
            &self.im,
            sql,
            [user.0, key_cursor(page)?, i64::from(page.limit) + 1],
            |row| row.get(0),
        )?;
        self.list_groups(keys, page.limit)
    }

    fn list_groups(&self, keys: Vec<i64>, limit: u32) -> Answered<Listed<(Arc<Group>, UserId)>> {
        let page = listed(keys, limit, i64::to_string);
        let items = page
            .items
            .into_iter()
            .map(|key| self.with_owner(GroupKey(key)))
            .collect::<Answered<_>>()?;
        Ok(Listed { items, next: page.next })
    }

    pub(super) fn password(&self, username: &Username) -> Answered<Option<StoredPassword>> {
        match rows::user_key_by_username(&self.im, &username.folded())? {
            Some(user) => Ok(self
                .password_of(user)?
                .filter(|stored| stored.user.username == *username)),
            None => Ok(None),
        }
    }

    pub(super) fn password_of(&self, user: UserKey) -> Answered<Option<StoredPassword>> {
        let Some(user) = rows::user_by_key(&self.im, user)?.filter(|user| user.status != UserStatus::Deleted) else {
            return Ok(None);
        };
        let sql = "SELECT hash FROM passwords WHERE user = ?1";
        let hash = one(self.credentials, sql, [user.key.0], |row| row.get(0).map(PasswordHash))?;
        Ok(Some(StoredPassword {
            user: Arc::new(user),
            hash,
        }))
    }

    pub(super) fn sharing(&self, user: UserKey, others: &[UserId]) -> Answered<Vec<(UserKey, UserId)>> {
        let sql = "SELECT 1 FROM members a JOIN members b ON b.group_key = a.group_key WHERE a.user = ?1 AND b.user = ?2 LIMIT 1";
        let mut sharing = Vec::new();
        for id in others {
            let other = match self.user_named(id.as_str()) {
                Err(QueryFault::Rejected(_)) => continue,
                found => found?,
            };
            let shares = rows::conversation_of(&self.im, Parties::pair(user, other))?.is_some()
                || one(&self.im, sql, [user.0, other.0], |_| Ok(()))?.is_some();
            if shares {
                sharing.push((other, id.clone()));
            }
        }
        Ok(sharing)
    }

    pub(super) fn audience(&self, user: UserKey, chat_type: ChatType, peer: &str) -> Answered<Arc<[UserKey]>> {
        if chat_type == ChatType::Single {
            return Ok([self.user_named(peer)?].into());
        }
        let group = self.group_named(peer)?;
        if !rows::is_member(&self.im, group, user)? {
            return Err(Rejection::NotAMember.into());
        }
        let sql = "SELECT user FROM members WHERE group_key = ?1 AND user <> ?2";
        Ok(all(&self.im, sql, [group.0, user.0], |row| row.get(0).map(UserKey))?.into())
    }
}

/// Cuts the one row too many that tells there is another page.
pub(super) fn listed<T>(mut items: Vec<T>, limit: u32, cursor: impl Fn(&T) -> String) -> Listed<T> {
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| more).map(|last| cursor(last).into());
    Listed { items, next }
}

const BAD_CURSOR: Rejection = Rejection::InvalidField("cursor");

/// The cursor of a list in order of one key.
pub(super) fn key_cursor(page: &Page) -> Answered<i64> {
    page.cursor
        .as_deref()
        .map_or(Ok(0), |cursor| cursor.parse().map_err(|_| BAD_CURSOR.into()))
}

/// The cursor of a list in order of two numbers.
pub(super) fn pair_cursor(page: &Page, start: (i64, i64)) -> Answered<(i64, i64)> {
    let Some(cursor) = page.cursor.as_deref() else {
        return Ok(start);
    };
    let parsed = cursor
        .split_once('.')
        .and_then(|(one, two)| Some((one.parse().ok()?, two.parse().ok()?)));
    Ok(parsed.ok_or(BAD_CURSOR)?)
}

/// Which of [`SEARCHED`] to go on with, and after which name and key.
fn search_cursor(page: &Page) -> Answered<(usize, Option<(String, i64)>)> {
    let Some(cursor) = page.cursor.as_deref() else {
        return Ok((0, None));
    };
    let mut parts = cursor.splitn(3, '.');
    let mut next = || parts.next().ok_or(BAD_CURSOR);
    let place = next()?.parse().map_err(|_| BAD_CURSOR)?;
    let key = next()?.parse().map_err(|_| BAD_CURSOR)?;
    Ok((place, Some((next()?.to_owned(), key))))
}
