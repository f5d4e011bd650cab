//! How much of a conversation fits on one page.

use std::ops::Range;

use crate::base::limits;
use crate::domain::message::{Content, Message};
use crate::domain::query::{History, Window};

/// Bytes of a JSON object around the texts it carries, generously.
pub(super) const FRAME_BYTES: usize = 512;

/// Leaves out of a page what exceeds its bytes, at the end away from where its window begins. One message is
/// always left, whatever its size.
pub(super) fn fit(history: &mut History, window: Window) {
    let sizes: Vec<usize> = history.messages.iter().map(|message| message_bytes(message)).collect();
    let Some(last) = sizes.len().checked_sub(1) else { return };
    let first = match window {
        Window::Newest | Window::Before(_) => last,
        Window::After(_) | Window::Range(..) => 0,
        Window::Around(seq) => history.messages.partition_point(|message| message.seq < seq).min(last),
    };
    let kept = fitting(&sizes, first, limits::PAGE_BYTES);
    history.has_more |= kept.len() < sizes.len();
    history.messages.truncate(kept.end);
    history.messages.drain(..kept.start);
}

/// Grows from one item outwards, on the shorter side first, as long as there is room.
fn fitting(sizes: &[usize], first: usize, room: usize) -> Range<usize> {
    let mut kept = first..first + 1;
    let mut bytes = sizes[first];
    loop {
        let grows_down = kept.start > 0 && (first - kept.start < kept.end - first || kept.end == sizes.len());
        let next = if grows_down { kept.start - 1 } else { kept.end };
        match sizes.get(next) {
            Some(size) if bytes + size <= room => bytes += size,
            _ => return kept,
        }
        if grows_down {
            kept.start = next;
        } else {
            kept.end = next + 1;
        }
    }
}

/// The bytes of a message as JSON, rather more than less.
pub(super) fn message_bytes(message: &Message) -> usize {
    let body = &message.body;
    let content = match &body.content {
        Content::Text(text) => escaped_bytes(text),
        Content::Json(text) => text.len(),
    };
    let rest = [&body.reply_to, &body.mentions, &body.ext]
        .into_iter()
        .flatten()
        .map(|text| text.len())
        .sum::<usize>();
    FRAME_BYTES + escaped_bytes(&message.from_name) + content + rest
}

/// The bytes of a JSON string.
fn escaped_bytes(text: &str) -> usize {
    text.bytes()
        .map(|byte| {
            if byte < 0x20 {
                6
            } else if byte == b'"' || byte == b'\\' {
                2
            } else {
                1
            }
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_grows_from_where_its_window_begins() {
        let sizes = [10; 9];
        assert_eq!(fitting(&sizes, 8, 35), 6..9);
        assert_eq!(fitting(&sizes, 0, 35), 0..3);
        assert_eq!(fitting(&sizes, 4, 50), 2..7);
        assert_eq!(fitting(&sizes, 1, 50), 0..5);
        assert_eq!(fitting(&sizes, 7, 1000), 0..9);
    }

    #[test]
    fn one_is_always_left() {
        assert_eq!(fitting(&[1, 99, 1], 1, 50), 1..2);
        assert_eq!(fitting(&[1, 99, 1], 0, 50), 0..1);
    }
}
