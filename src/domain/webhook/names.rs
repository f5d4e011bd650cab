//! The events a webhook may ask for.

use crate::domain::event::NoticeKind;

/// A message was accepted.
pub const NEW_MESSAGE: &str = "new_message";

/// A user's first session began (best effort).
pub const USER_ONLINE: &str = "user_online";

/// A user's last session ended (best effort).
pub const USER_OFFLINE: &str = "user_offline";

/// Stands for all events.
pub const ALL_EVENTS: &str = "*";

/// Events beside [`NoticeKind`]'s. Recall and edit may be asked for before the server has them.
const OTHERS: [&str; 5] = [
    NEW_MESSAGE,
    "message_recalled",
    "message_edited",
    USER_ONLINE,
    USER_OFFLINE,
];

/// Whether a webhook may name this event (contract section 4).
pub fn is_event_name(text: &str) -> bool {
    text == ALL_EVENTS || OTHERS.contains(&text) || NoticeKind::parse(text).is_some()
}

/// Whether a webhook with these events wants this one.
pub fn wants(events: &[Box<str>], name: &str) -> bool {
    events
        .iter()
        .any(|event| event.as_ref() == name || event.as_ref() == ALL_EVENTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_the_contract_are_known_and_no_others() {
        let contract = "new_message message_recalled message_edited user_registered group_created group_dismissed \
                        group_member_added group_member_removed user_online user_offline *";
        assert!(contract.split_whitespace().all(is_event_name));
        assert!(
            ["", "message", "NEW_MESSAGE", "new_message "]
                .iter()
                .all(|name| !is_event_name(name))
        );
    }

    #[test]
    fn a_star_wants_everything() {
        assert!(wants(&["*".into()], USER_ONLINE));
        assert!(wants(&["new_message".into()], NEW_MESSAGE));
        assert!(!wants(&["new_message".into()], "group_created"));
        assert!(!wants(&[], NEW_MESSAGE));
    }
}
