//! Fields that several operations read, and the rule of each.

use std::sync::Arc;

use crate::api::context::Context;
use crate::api::refusal::Refusal;
use crate::api::wire::document::Object;
use crate::auth::password;

/// Bytes of a display name or of a group's name.
pub const NAME_BYTES: usize = 128;

/// A name for people: not empty, without control characters.
///
/// # Errors
/// `invalid_<field>`.
pub fn name(field: &'static str, text: &str) -> Result<Arc<str>, Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::field(field, format!("`{field}` must not be empty.")));
    }
    bounded(field, text, NAME_BYTES)
}

/// A text for people of at most so many bytes, without control characters.
///
/// # Errors
/// `invalid_<field>`.
pub fn bounded(field: &'static str, text: &str, most: usize) -> Result<Arc<str>, Refusal> {
    if text.len() > most || text.chars().any(char::is_control) {
        let sentence = format!("`{field}` has at most {most} bytes and no control characters.");
        return Err(Refusal::field(field, sentence));
    }
    Ok(text.into())
}

/// A password to be set.
///
/// # Errors
/// `invalid_<name>` outside the length that is configured.
pub fn read_new_password(context: &Context<'_>, body: Object<'_>, name: &'static str) -> Result<Box<str>, Refusal> {
    let password = body.str(name)?;
    let lengths = &context.setup.password_bytes;
    if !password::is_acceptable(password, lengths) {
        let sentence = format!("A password has {} to {} bytes.", lengths.start(), lengths.end());
        return Err(Refusal::field(name, sentence));
    }
    Ok(password.into())
}
