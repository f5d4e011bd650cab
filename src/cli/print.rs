//! Answers for people.

use serde_json::Value;

use super::table::{self, Column};
use crate::config::actions::{Action, GroupAction, KeyAction, UserAction, WebhookAction};

const USERS: &[Column] = &[
    ("ID", "id"),
    ("USERNAME", "username"),
    ("NICKNAME", "nickname"),
    ("STATUS", "status"),
    ("CREATED", "createdAt"),
];
const GROUPS: &[Column] = &[
    ("ID", "id"),
    ("NAME", "name"),
    ("OWNER", "ownerId"),
    ("MEMBERS", "memberCount"),
    ("CREATED", "createdAt"),
];
const KEYS: &[Column] = &[
    ("ID", "id"),
    ("NAME", "name"),
    ("PREFIX", "prefix"),
    ("SCOPES", "scopes"),
    ("CREATED", "createdAt"),
];
const WEBHOOKS: &[Column] = &[
    ("ID", "id"),
    ("NAME", "name"),
    ("KIND", "kind"),
    ("EVENTS", "events"),
    ("ENABLED", "enabled"),
    ("URL", "url"),
];

/// The `data` of a sub-command's answer. A new token or key stands alone on its line, for scripts.
pub fn text(action: &Action, data: &Value) -> String {
    match action {
        Action::User(UserAction::List) => list(USERS, data),
        Action::Group(GroupAction::List) => list(GROUPS, data),
        Action::Key(KeyAction::List) => list(KEYS, data),
        Action::Webhook(WebhookAction::List) => list(WEBHOOKS, data),
        Action::User(UserAction::Token { .. }) => line(&data["token"]),
        Action::Key(KeyAction::Create { .. }) => line(&data["key"]),
        _ => members(data),
    }
}

fn list(columns: &[Column], data: &Value) -> String {
    table::text(columns, data["items"].as_array().map_or(&[], Vec::as_slice))
}

fn line(value: &Value) -> String {
    format!("{}\n", cell("", value))
}

/// A line for each member that has a value; `done` when there is nothing to tell.
pub fn members(data: &Value) -> String {
    let Some(members) = data.as_object() else {
        return "done\n".to_owned();
    };
    let told = members.iter().filter(|(_, value)| !value.is_null());
    told.map(|(name, value)| format!("{name}: {}\n", cell(name, value)))
        .collect()
}

/// One value in a line. Members whose names end with `At` are times, in Unix milliseconds.
pub fn cell(member: &str, value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(|item| cell("", item)).collect::<Vec<_>>().join(","),
        Value::Number(number) if member.ends_with("At") => number.as_i64().map_or_else(|| number.to_string(), time),
        other => other.to_string(),
    }
}

/// A time in UTC, to the second (RFC 3339).
fn time(unix_ms: i64) -> String {
    let (days, second) = (
        unix_ms.div_euclid(86_400_000),
        unix_ms.div_euclid(1000).rem_euclid(86_400),
    );
    // Days since March 1st of year 0, so that the leap day is the last of its year.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z",
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_are_dates() {
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
        assert_eq!(time(951_782_399_999), "2000-02-28T23:59:59Z");
        assert_eq!(time(951_782_400_000), "2000-02-29T00:00:00Z");
        assert_eq!(time(4_107_542_400_000), "2100-03-01T00:00:00Z");
        assert_eq!(time(1_735_689_599_000), "2024-12-31T23:59:59Z");
    }

    #[test]
    fn an_answer_is_told_by_its_members() {
        let user = json!({"id": "alice", "nickname": null, "createdAt": 0});
        assert_eq!(members(&user), "id: alice\ncreatedAt: 1970-01-01T00:00:00Z\n");
        assert_eq!(members(&Value::Null), "done\n");
    }

    #[test]
    fn a_new_key_stands_alone() {
        let action = Action::Key(KeyAction::Create {
            name: "cli".to_owned(),
            scopes: Vec::new(),
        });
        assert_eq!(text(&action, &json!({"id": "1", "key": "rk_1_x"})), "rk_1_x\n");
    }
}
