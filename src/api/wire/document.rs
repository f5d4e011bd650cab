//! JSON from outside, read where it lies.
//!
//! One set of [`Buffers`] per shard: parsing allocates nothing once they have grown. The received text itself stays
//! as it was, so that a message's content can be kept byte for byte ([`Object::raw`]).

use std::collections::HashSet;

use simd_json::{INPUT_PADDING, Node, StaticNode, Tape};

use crate::api::refusal::{Fault, Refusal};
use crate::base::limits;
use crate::domain::message::Content;

/// Buffers larger than this are given back after a document.
const KEPT_BYTES: usize = 256 * 1024;

/// Above so many members, repeated keys are looked for by hashing.
const FEW_MEMBERS: usize = 16;

/// What parsing needs, reused from document to document.
pub struct Buffers {
    input: Vec<u8>,
    parser: simd_json::Buffers,
    tape: Tape<'static>,
}

impl Default for Buffers {
    fn default() -> Self {
        Self {
            input: Vec::new(),
            parser: simd_json::Buffers::new(0),
            tape: Tape(Vec::new()),
        }
    }
}

impl Buffers {
    /// Parses `text`, which must be one JSON object, and hands it to `reader`.
    ///
    /// # Errors
    /// `invalid_json` for anything else, for a key repeated in any object and for more than
    /// [`limits::JSON_DEPTH`] levels; otherwise what `reader` answers.
    pub fn read<R>(
        &mut self,
        text: &[u8],
        reader: impl FnOnce(Object<'_>) -> Result<R, Refusal>,
    ) -> Result<R, Refusal> {
        self.input.clear();
        self.input.extend_from_slice(text);
        self.input.resize(text.len() + INPUT_PADDING, 0);
        let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let parsed = simd_json::fill_tape_padded(&mut self.input, text.len(), &mut self.parser, &mut tape);
        let source = Source {
            nodes: &tape.0,
            text,
            structurals: self.parser.structural_indexes(),
        };
        let result = match parsed {
            Ok(()) if is_sound(&tape.0) => reader(Object {
                source: Some(&source),
                at: 0,
            }),
            _ => Err(Fault::InvalidJson.into()),
        };
        self.tape = tape.reset();
        if self.input.capacity() > KEPT_BYTES {
            *self = Self::default();
        }
        result
    }
}

/// A parsed document.
struct Source<'a> {
    nodes: &'a [Node<'a>],
    text: &'a [u8],
    /// Where in `text` each token begins; quotes and brackets included.
    structurals: &'a [u32],
}

/// One object of a document.
#[derive(Clone, Copy)]
pub struct Object<'a> {
    /// `None` for an empty object without a document.
    source: Option<&'a Source<'a>>,
    /// Index of the object's node.
    at: usize,
}

impl<'a> Object<'a> {
    /// An object without members: a request without a body.
    pub const EMPTY: Object<'static> = Object { source: None, at: 0 };

    /// A string that must be there.
    pub fn str(&self, name: &'static str) -> Result<&'a str, Refusal> {
        self.opt_str(name)?.ok_or_else(|| missing(name))
    }

    /// A string, if the member is there and not null.
    pub fn opt_str(&self, name: &'static str) -> Result<Option<&'a str>, Refusal> {
        match self.member(name) {
            None => Ok(None),
            Some((_, Node::String(text))) => Ok(Some(text)),
            Some(_) => Err(Refusal::field(name, format!("`{name}` must be a string."))),
        }
    }

    /// A string that may also be cleared: `Some(None)` for an explicit null.
    pub fn nullable_str(&self, name: &'static str) -> Result<Option<Option<&'a str>>, Refusal> {
        match self.find(name) {
            None => Ok(None),
            Some(_) => self.opt_str(name).map(Some),
        }
    }

    /// A string that must be there and pass `parse`, such as an id.
    pub fn parsed<T>(&self, name: &'static str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Refusal> {
        self.opt_parsed(name, parse)?.ok_or_else(|| missing(name))
    }

    /// A string that must pass `parse`, if the member is there and not null.
    pub fn opt_parsed<T>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        let Some(text) = self.opt_str(name)? else {
            return Ok(None);
        };
        parse(text).map(Some).ok_or_else(|| Fault::InvalidField(name).into())
    }

    /// A whole number that must be there.
    pub fn int(&self, name: &'static str) -> Result<i64, Refusal> {
        self.opt_int(name)?.ok_or_else(|| missing(name))
    }

    /// A whole number, if the member is there and not null.
    pub fn opt_int(&self, name: &'static str) -> Result<Option<i64>, Refusal> {
        match self.member(name) {
            None => Ok(None),
            Some((_, Node::Static(StaticNode::I64(number)))) => Ok(Some(number)),
            Some((_, Node::Static(StaticNode::U64(number)))) if i64::try_from(number).is_ok() => {
                Ok(Some(number as i64))
            }
            Some(_) => Err(Refusal::field(name, format!("`{name}` must be a whole number."))),
        }
    }

    /// A truth value; absent is false.
    pub fn flag(&self, name: &'static str) -> Result<bool, Refusal> {
        self.opt_flag(name).map(|flag| flag == Some(true))
    }

    /// A truth value, if the member is there and not null.
    pub fn opt_flag(&self, name: &'static str) -> Result<Option<bool>, Refusal> {
        match self.member(name) {
            None => Ok(None),
            Some((_, Node::Static(StaticNode::Bool(value)))) => Ok(Some(value)),
            Some(_) => Err(Refusal::field(name, format!("`{name}` must be true or false."))),
        }
    }

    /// A list of at most `most` strings that all pass `parse`, if the member is there and not null.
    pub fn opt_list<T>(
        &self,
        name: &'static str,
        most: usize,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<Vec<T>>, Refusal> {
        let Some(elements) = self.elements(name, most)? else {
            return Ok(None);
        };
        let parsed = elements.map(|(_, node)| match node {
            Node::String(text) => parse(text).ok_or_else(|| Fault::InvalidField(name).into()),
            _ => Err(Refusal::field(name, format!("`{name}` must be a list of strings."))),
        });
        parsed.collect::<Result<_, _>>().map(Some)
    }

    /// A list of at most `most` strings that must be there and all pass `parse`.
    pub fn list<T>(
        &self,
        name: &'static str,
        most: usize,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>, Refusal> {
        self.opt_list(name, most, parse)?.ok_or_else(|| missing(name))
    }

    /// A list of at most `most` objects that must be there.
    pub fn objects(&self, name: &'static str, most: usize) -> Result<Vec<Object<'a>>, Refusal> {
        let source = self.source;
        let elements = self.elements(name, most)?.ok_or_else(|| missing(name))?;
        let objects = elements.map(|(at, node)| match node {
            Node::Object { .. } => Ok(Object { source, at }),
            _ => Err(Refusal::field(name, format!("`{name}` must be a list of objects."))),
        });
        objects.collect()
    }

    /// An object, if the member is there and not null.
    pub fn opt_object(&self, name: &'static str) -> Result<Option<Object<'a>>, Refusal> {
        match self.member(name) {
            None => Ok(None),
            Some((at, Node::Object { .. })) => Ok(Some(Object {
                source: self.source,
                at,
            })),
            Some(_) => Err(Refusal::field(name, format!("`{name}` must be an object."))),
        }
    }

    /// Any value as it was written, if the member is there and not null.
    pub fn raw(&self, name: &str) -> Option<&'a str> {
        let (at, _) = self.member(name)?;
        self.source?.text_of(at)
    }

    /// A string or any other JSON value that must be there.
    pub fn content(&self, name: &'static str) -> Result<Content, Refusal> {
        match self.member(name) {
            Some((_, Node::String(text))) => Ok(Content::Text(text.into())),
            Some(_) => self
                .raw(name)
                .map(|text| Content::Json(text.into()))
                .ok_or_else(|| missing(name)),
            None => Err(missing(name)),
        }
    }

    /// Index and node of a member that is not null.
    fn member(&self, name: &str) -> Option<(usize, Node<'a>)> {
        self.find(name)
            .filter(|(_, node)| *node != Node::Static(StaticNode::Null))
    }

    fn find(&self, name: &str) -> Option<(usize, Node<'a>)> {
        let nodes = self.source?.nodes;
        let at = members(nodes, self.at).find(|(key, _)| *key == name)?.1;
        nodes.get(at).map(|node| (at, *node))
    }

    fn elements(
        &self,
        name: &'static str,
        most: usize,
    ) -> Result<Option<impl Iterator<Item = (usize, Node<'a>)>>, Refusal> {
        match (self.source, self.member(name)) {
            (Some(source), Some((at, Node::Array { len, .. }))) if len <= most => Ok(Some(elements(source.nodes, at))),
            (Some(_), Some((_, Node::Array { .. }))) => Err(Refusal::field(
                name,
                format!("`{name}` must have at most {most} items."),
            )),
            (Some(_), Some(_)) => Err(Refusal::field(name, format!("`{name}` must be a list."))),
            _ => Ok(None),
        }
    }
}

fn missing(name: &'static str) -> Refusal {
    Refusal::field(name, format!("`{name}` is missing."))
}

impl<'a> Source<'a> {
    /// The text of the value whose node has this index: nodes and value tokens follow each other in the same order.
    fn text_of(&self, at: usize) -> Option<&'a str> {
        let byte = |token: &u32| self.text.get(*token as usize).copied();
        let begins_value = |token: &&u32| !matches!(byte(token), Some(b':' | b',' | b'}' | b']') | None);
        let first = *self.structurals.iter().filter(begins_value).nth(at)? as usize;
        let tokens = &self.structurals[self.structurals.partition_point(|token| (*token as usize) < first)..];
        let mut open = 0_usize;
        for (index, token) in tokens.iter().enumerate() {
            match byte(token)? {
                b'{' | b'[' => open += 1,
                b'}' | b']' => open -= 1,
                _ => {}
            }
            if open == 0 {
                let closer = index > 0;
                let end = match tokens.get(index + 1) {
                    _ if closer => *token as usize + 1,
                    Some(next) => (*next as usize).min(self.text.len()),
                    None => self.text.len(),
                };
                return std::str::from_utf8(self.text.get(first..end)?.trim_ascii_end()).ok();
            }
        }
        None
    }
}

/// Nodes that the value with this index takes.
fn size(nodes: &[Node<'_>], at: usize) -> usize {
    match nodes.get(at) {
        Some(Node::Object { count, .. } | Node::Array { count, .. }) => count + 1,
        _ => 1,
    }
}

/// Key and value index of each member of the object with this index.
fn members<'a>(nodes: &'a [Node<'a>], at: usize) -> impl Iterator<Item = (&'a str, usize)> {
    let len = match nodes.get(at) {
        Some(Node::Object { len, .. }) => *len,
        _ => 0,
    };
    let mut key = at + 1;
    (0..len).map_while(move |_| {
        let Some(Node::String(name)) = nodes.get(key) else {
            return None;
        };
        let value = key + 1;
        key = value + size(nodes, value);
        Some((*name, value))
    })
}

/// Index and node of each element of the array with this index.
fn elements<'a>(nodes: &'a [Node<'a>], at: usize) -> impl Iterator<Item = (usize, Node<'a>)> {
    let len = match nodes.get(at) {
        Some(Node::Array { len, .. }) => *len,
        _ => 0,
    };
    let mut next = at + 1;
    (0..len).map_while(move |_| {
        let element = next;
        next += size(nodes, element);
        nodes.get(element).map(|node| (element, *node))
    })
}

/// Whether the document is an object that keeps the rules on depth and keys.
fn is_sound(nodes: &[Node<'_>]) -> bool {
    matches!(nodes.first(), Some(Node::Object { .. })) && keeps_rules(nodes, 0, 1)
}

/// Recursion ends at the depth limit.
fn keeps_rules(nodes: &[Node<'_>], at: usize, depth: usize) -> bool {
    match nodes.get(at) {
        Some(Node::Object { len, .. }) => {
            depth <= limits::JSON_DEPTH
                && !repeats_key(nodes, at, *len)
                && members(nodes, at).all(|(_, value)| keeps_rules(nodes, value, depth + 1))
        }
        Some(Node::Array { .. }) => {
            depth <= limits::JSON_DEPTH
                && elements(nodes, at).all(|(element, _)| keeps_rules(nodes, element, depth + 1))
        }
        _ => true,
    }
}

fn repeats_key(nodes: &[Node<'_>], at: usize, len: usize) -> bool {
    if len > FEW_MEMBERS {
        let mut seen = HashSet::with_capacity(len);
        return !members(nodes, at).all(|(key, _)| seen.insert(key));
    }
    let earlier = |count: usize, key: &str| members(nodes, at).take(count).any(|(other, _)| other == key);
    members(nodes, at)
        .enumerate()
        .any(|(count, (key, _))| earlier(count, key))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::value::RawValue;

    use super::*;

    fn read<R>(text: &str, reader: impl FnOnce(Object<'_>) -> Result<R, Refusal>) -> Result<R, Refusal> {
        Buffers::default().read(text.as_bytes(), reader)
    }

    fn is_invalid(text: &str) -> bool {
        read(text, |_| Ok(())).is_err_and(|refusal| refusal.fault == Fault::InvalidJson)
    }

    #[test]
    fn only_sound_objects_are_read() {
        for bad in [
            "",
            "[]",
            "1",
            "{",
            "{}x",
            r#"{"a":1,"a":2}"#,
            r#"{"x":[{"b":1,"\u0062":2}]}"#,
            "{\"a\":\"\u{1}\"}",
        ] {
            assert!(is_invalid(bad), "{bad}");
        }
        let many = |last: &str| {
            let members: Vec<_> = (0..40).map(|n| format!("\"k{n}\":{n}")).collect();
            format!("{{{},\"{last}\":0}}", members.join(","))
        };
        assert!(!is_invalid(&many("k40")));
        assert!(is_invalid(&many("k7")));
        let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert!(!is_invalid(&nested(limits::JSON_DEPTH - 1)));
        assert!(is_invalid(&nested(limits::JSON_DEPTH)));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_refused() {
        let mut buffers = Buffers::default();
        assert!(buffers.read(b"{\"a\":\"\xff\"}", |_| Ok(())).is_err());
        assert!(buffers.read(b"{\"a\":\"ok\"}", |object| object.str("a").map(str::len)) == Ok(2));
    }

    #[test]
    fn fields_are_typed() {
        let text = r#"{"s":"a\n","n":-3,"b":true,"l":["x","y"],"o":{"s":"in"},"u":18446744073709551615,"z":null}"#;
        let checked = read(text, |object| {
            assert_eq!(object.str("s"), Ok("a\n"));
            assert_eq!(object.int("n"), Ok(-3));
            assert_eq!(object.flag("b"), Ok(true));
            assert_eq!(
                object.list("l", 2, |text| Some(text.to_owned())),
                Ok(vec!["x".to_owned(), "y".to_owned()])
            );
            assert_eq!(
                object.list("l", 1, |_| Some(())).map_err(|refusal| refusal.fault),
                Err(Fault::InvalidField("l"))
            );
            assert_eq!(object.opt_object("o")?.map(|inner| inner.str("s")), Some(Ok("in")));
            assert_eq!(object.opt_str("z"), Ok(None));
            assert_eq!(object.nullable_str("z"), Ok(Some(None)));
            assert_eq!(object.nullable_str("absent"), Ok(None));
            for (fault, name) in [(object.int("u").err(), "u"), (object.str("n").map(drop).err(), "n")]
                .map(|(r, n)| (r.map(|r| r.fault), n))
            {
                assert_eq!(fault, Some(Fault::InvalidField(name)));
            }
            object.str("absent").map(drop)
        });
        assert_eq!(
            checked.map_err(|refusal| refusal.fault),
            Err(Fault::InvalidField("absent"))
        );
    }

    #[test]
    fn raw_values_are_what_was_written() {
        let text = r#" { "a" : 1.0e5 ,"b":{"x" : [1, "]}\"", {}] } , "c":[ ],"d":"q\u00e9","e":12345678901234567890,"f":true } "#;
        let expected: BTreeMap<String, &RawValue> = serde_json::from_str(text).unwrap();
        let checked = read(text, |object| {
            for (name, value) in &expected {
                assert_eq!(object.raw(name), Some(value.get()), "{name}");
            }
            let inner = object.opt_object("b")?.unwrap();
            assert_eq!(inner.raw("x"), Some(r#"[1, "]}\"", {}]"#));
            Ok(())
        });
        assert_eq!(checked, Ok(()));
    }

    #[test]
    fn numbers_beyond_64_bits_are_kept() {
        let text = r#"{"content":[123456789012345678901234567890,-1e-7]}"#;
        let content = read(text, |object| object.content("content"));
        assert_eq!(
            content,
            Ok(Content::Json("[123456789012345678901234567890,-1e-7]".into()))
        );
    }
}
