//! What a robot says in its chat: one sentence per event, or several events in one message.

use super::Occurrence;
use crate::domain::event::{Notice, NoticeKind};
use crate::domain::message::{Content, Message};
use crate::domain::query::LogEntry;

/// Stands before everything, as in the integration guide.
const PREFIX: &str = "[IM消息] ";

/// Bytes of one event among others.
const LINE_BYTES: usize = 400;

/// The text for the first of these events in at most `most` bytes, and how many it covers.
pub fn digest(occurrences: &[Occurrence], most: usize) -> (String, usize) {
    if let [only] = occurrences {
        return (cut(&format!("{PREFIX}{}", sentence(only)), most), 1);
    }
    let mut text = PREFIX.trim_end().to_owned();
    let mut covered = 0;
    for occurrence in occurrences {
        let line = cut(&sentence(occurrence), LINE_BYTES);
        if text.len() + 1 + line.len() > most {
            break;
        }
        text.push('\n');
        text.push_str(&line);
        covered += 1;
    }
    (text, covered)
}

/// At most `most` bytes, ending with `…` when something is missing.
fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub("…".len());
    format!("{}…", &text[..text.floor_char_boundary(room)])
}

fn sentence(occurrence: &Occurrence) -> String {
    let text = match occurrence {
        Occurrence::Entry(LogEntry::Message(message)) => format!("{}: {}", message.from_name, content(message)),
        Occurrence::Entry(LogEntry::Notice(notice)) => about(notice),
        Occurrence::Presence { user, online, .. } => {
            format!("{} {}", user.as_str(), if *online { "上线" } else { "下线" })
        }
        Occurrence::Test(_) => "Webhook 测试".to_owned(),
    };
    text.replace(|letter: char| letter.is_control() && letter != '\n', " ")
}

fn content(message: &Message) -> String {
    let label = match message.body.content_type.as_str() {
        "image" => "图片",
        "file" => "文件",
        "audio" => "语音",
        "video" => "视频",
        "location" => "位置",
        "card" => "名片",
        other => match &message.body.content {
            Content::Text(text) => return text.to_string(),
            Content::Json(_) => other,
        },
    };
    format!("[{label}]")
}

fn about(notice: &Notice) -> String {
    let names: Vec<_> = notice.users.iter().map(|user| user.display_name()).collect();
    let users = names.join("、");
    let group = notice.group.as_ref().map_or("", |(group, _)| &group.name);
    match notice.kind {
        NoticeKind::UserRegistered => format!("{users} 注册了账号"),
        NoticeKind::GroupCreated => format!("群「{group}」已创建"),
        NoticeKind::GroupUpdated => format!("群「{group}」的资料已修改"),
        NoticeKind::GroupDismissed => format!("群「{group}」已解散"),
        NoticeKind::GroupMemberAdded => format!("{users} 加入了群「{group}」"),
        NoticeKind::GroupMemberRemoved => format!("{users} 离开了群「{group}」"),
        NoticeKind::GroupRoleChanged => format!("{users} 在群「{group}」中的角色已变更"),
        NoticeKind::GroupTransferred => format!("群「{group}」已转让给 {users}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::webhook::samples;

    fn one(occurrence: Occurrence) -> String {
        digest(&[occurrence], 2048).0
    }

    #[test]
    fn messages_read_as_in_the_guide() {
        assert_eq!(one(samples::text("您好\u{7}")), "[IM消息] Alice: 您好 ");
        assert_eq!(
            one(samples::message("image", Content::Json("{}".into()))),
            "[IM消息] Alice: [图片]"
        );
        assert_eq!(
            one(samples::message("order", Content::Json("{}".into()))),
            "[IM消息] Alice: [order]"
        );
    }

    #[test]
    fn other_events_are_short_sentences() {
        assert_eq!(
            one(samples::notice(NoticeKind::GroupMemberAdded)),
            "[IM消息] bob 加入了群「Team」"
        );
        assert_eq!(
            one(samples::notice(NoticeKind::UserRegistered)),
            "[IM消息] bob 注册了账号"
        );
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        for most in 20..40 {
            let (text, covered) = digest(&[samples::text(&"好".repeat(100))], most);
            assert!(
                text.len() <= most && text.len() > most - 4 && text.ends_with('…'),
                "{most}: {text}"
            );
            assert_eq!(covered, 1);
        }
    }

    #[test]
    fn what_waits_becomes_one_message_as_far_as_it_fits() {
        let waiting = vec![samples::text("hi"); 3];
        assert_eq!(
            digest(&waiting, 2048),
            ("[IM消息]\nAlice: hi\nAlice: hi\nAlice: hi".to_owned(), 3)
        );
        let long = vec![samples::text(&"好".repeat(1000)); 20];
        let (text, covered) = digest(&long, 2048);
        assert!(text.len() <= 2048 && covered == 5, "{} {covered}", text.len());
    }
}
