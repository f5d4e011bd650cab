//! Writing JSON text: escaping and members, without spaces.

use serde::Serialize;

/// Writes the members of one object. Ends it with [`Members::end`].
pub struct Members<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Members<'a> {
    /// Opens an object.
    pub fn begin(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    /// Writes a name and hands out the buffer for its value.
    pub fn name(&mut self, name: &'static str) -> &mut Vec<u8> {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// A string.
    pub fn text(&mut self, name: &'static str, text: &str) -> &mut Self {
        write_text(text, self.name(name));
        self
    }

    /// A string, number, truth value, or an option of one.
    pub fn value(&mut self, name: &'static str, value: impl Serialize) -> &mut Self {
        write_value(value, self.name(name));
        self
    }

    /// The same, left out when it is `None`.
    pub fn optional(&mut self, name: &'static str, value: Option<impl Serialize>) -> &mut Self {
        if let Some(value) = value {
            self.value(name, value);
        }
        self
    }

    /// JSON text that was written before.
    pub fn raw(&mut self, name: &'static str, json: &[u8]) -> &mut Self {
        self.name(name).extend_from_slice(json);
        self
    }

    /// A list, each item by `write`.
    pub fn list<T>(
        &mut self,
        name: &'static str,
        items: impl IntoIterator<Item = T>,
        write: impl FnMut(T, &mut Vec<u8>),
    ) -> &mut Self {
        write_list(items, write, self.name(name));
        self
    }

    /// Closes the object.
    pub fn end(&mut self) {
        self.out.push(b'}');
    }
}

/// Writes a string. Nearly all of them hold nothing to escape, which is told much faster than escaping is done.
fn write_text(text: &str, out: &mut Vec<u8>) {
    let escapes = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    if text.bytes().fold(false, |found, byte| found | escapes(byte)) {
        return write_value(text, out);
    }
    out.reserve(text.len() + 2);
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// Writes one value.
pub fn write_value(value: impl Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(out, &value).expect("plain values in memory always have a JSON text");
}

/// Writes a list, each item by `write`.
pub fn write_list<T>(items: impl IntoIterator<Item = T>, mut write: impl FnMut(T, &mut Vec<u8>), out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_written_as_any_value_is() {
        for text in [
            "",
            "plain",
            "\u{e9} \u{1f600} /",
            "\"",
            "\\",
            "a\u{1}",
            "\u{7f}",
            "line\n",
        ] {
            let (mut fast, mut plain) = (Vec::new(), Vec::new());
            write_text(text, &mut fast);
            write_value(text, &mut plain);
            assert_eq!(fast, plain, "{text:?}");
        }
    }

    #[test]
    fn objects_are_written_without_spaces() {
        let mut out = Vec::new();
        let mut members = Members::begin(&mut out);
        members
            .value("a", "x\"\n")
            .value("b", 1)
            .value("c", None::<i64>)
            .optional("d", None::<i64>);
        members.raw("e", b"[1]").list("f", [1, 2], write_value).end();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"{"a":"x\"\n","b":1,"c":null,"e":[1],"f":[1,2]}"#
        );
    }
}
