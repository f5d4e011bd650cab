//! API keys as administrators see them: never the key itself after its creation.

use super::json::{Members, write_list, write_value};
use crate::auth::key::Scopes;
use crate::domain::command::ApiKey;

/// A key in a list.
pub fn write_key(key: &ApiKey, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members
        .value("id", &*key.id)
        .value("name", &*key.name)
        .value("prefix", &*key.prefix);
    write_list(
        Scopes::from_bits(key.scopes).names(),
        write_value,
        members.name("scopes"),
    );
    members.value("createdAt", key.created_at).end();
}

/// A key at the only moment when its text exists.
pub fn write_new_key(id: &str, text: &str, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members.value("id", id).value("key", text).end();
}
