//! One row of the settings table: how its value is written, checked and put in its place.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::network::Network;
use super::origins::Origins;
use super::settings::SETTINGS_FILE;
use super::{Config, value};
use crate::base::secret::Secret;

/// Shortest secret given from outside, in characters.
const SECRET_CHARACTERS: usize = 32;

/// What prefixes every variable.
pub const VARIABLE_PREFIX: &str = "RINGIM_";

/// A field of the configuration.
type Place<T> = fn(&mut Config) -> &mut T;

/// How a setting is written, what it may be, and where its value goes.
pub enum Kind {
    Address(Place<SocketAddr>),
    Folder(Place<PathBuf>),
    File(Place<Option<PathBuf>>),
    Count(Place<usize>, RangeInclusive<usize>),
    /// Times a minute, 0 for no limit.
    Rate(Place<u32>),
    Bytes(Place<usize>, RangeInclusive<usize>),
    /// The range is in seconds.
    Time(Place<Duration>, RangeInclusive<usize>),
    Switch(Place<bool>),
    /// One of these words, which `|` separates.
    Choice(&'static str, fn(&mut Config, &str)),
    Networks(Place<Vec<Network>>),
    Origins(Place<Origins>),
    /// Never a flag and never in the settings file.
    Secret(Place<Option<Secret<String>>>),
}

/// One row of the table.
pub struct Setting {
    /// The flag without its dashes, and the key in the settings file.
    pub name: &'static str,
    pub kind: Kind,
    /// As it would be written.
    pub default: &'static str,
    pub help: &'static str,
}

impl Setting {
    /// The name of its environment variable.
    pub fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }

    /// The variable that names a file with the value, which secrets have as well.
    pub fn file_variable(&self) -> Option<String> {
        self.is_secret().then(|| format!("{}_FILE", self.variable()))
    }

    pub fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Secret(_))
    }

    /// Whether the settings file may hold it.
    pub fn is_in_file(&self) -> bool {
        !self.is_secret() && self.name != SETTINGS_FILE
    }

    /// What stands for the value in help texts.
    pub fn value_name(&self) -> &'static str {
        match &self.kind {
            Kind::Address(_) => "ADDRESS",
            Kind::Folder(_) => "FOLDER",
            Kind::File(_) => "FILE",
            Kind::Count(..) | Kind::Rate(_) => "NUMBER",
            Kind::Bytes(..) => "SIZE",
            Kind::Time(..) => "TIME",
            Kind::Networks(_) => "NETWORKS",
            Kind::Origins(_) => "ORIGINS",
            Kind::Secret(_) => "SECRET",
            Kind::Switch(_) => "true|false",
            Kind::Choice(words, _) => words,
        }
    }

    /// Puts a written value in its place. An error is a phrase that completes "`<text>` ...", or for a
    /// secret "the value ...".
    pub fn assign(&self, config: &mut Config, text: &str) -> Result<(), String> {
        match &self.kind {
            Kind::Address(place) => *place(config) = value::address(text)?,
            Kind::Folder(_) if text.is_empty() => return Err("is no folder".to_owned()),
            Kind::Folder(place) => *place(config) = text.into(),
            Kind::File(place) => *place(config) = (!text.is_empty()).then(|| text.into()),
            Kind::Count(place, range) => *place(config) = value::count(text, range)?,
            Kind::Rate(place) => *place(config) = value::rate(text)?,
            Kind::Bytes(place, range) => *place(config) = value::bytes(text, range)?,
            Kind::Time(place, range) => *place(config) = value::duration(text, range)?,
            Kind::Switch(place) => *place(config) = value::switch(text)?,
            Kind::Choice(words, choose) => choose(config, value::word(text, words)?),
            Kind::Networks(place) => *place(config) = value::networks(text)?,
            Kind::Origins(place) => *place(config) = value::origins(text)?,
            Kind::Secret(place) => *place(config) = secret(text)?,
        }
        Ok(())
    }
}

/// An empty text is no secret: the default.
fn secret(text: &str) -> Result<Option<Secret<String>>, String> {
    let is_strong = text.chars().count() >= SECRET_CHARACTERS;
    let is_plain = text
        .chars()
        .all(|letter| !letter.is_whitespace() && !letter.is_control());
    match text {
        "" => Ok(None),
        _ if is_strong && is_plain => Ok(Some(Secret::new(text.to_owned()))),
        _ => Err(format!(
            "needs at least {SECRET_CHARACTERS} characters without spaces; `openssl rand -hex 32` makes one"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weak_secret_is_refused_without_being_shown() {
        for text in [
            "YOUR_API_KEY",
            "0123456789abcdef0123456789abcde",
            "0123456789abcdef 0123456789abcdef",
        ] {
            assert!(!secret(text).expect_err("weak").contains(text), "{text}");
        }
    }
}
