//! API keys of the admin API: `rk_<id>_<secret>`.
//!
//! The id finds the stored record and is what lists show; of the whole text only the SHA-256 digest is
//! stored. A key carries 256 random bits, so a fast hash is enough.

use aws_lc_rs::{constant_time, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Random, draw};
use crate::base::secret::Secret;

const PREFIX: &str = "rk_";
const ID_BYTES: usize = 6;
const SECRET_BYTES: usize = 32;

/// One area of the admin API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Scope {
    Users = 1,
    Groups = 1 << 1,
    Messages = 1 << 2,
    Webhooks = 1 << 3,
    Keys = 1 << 4,
    Read = 1 << 5,
}

/// Every scope with its name, in the order of lists.
const SCOPES: [(Scope, &str); 6] = [
    (Scope::Users, "users"),
    (Scope::Groups, "groups"),
    (Scope::Messages, "messages"),
    (Scope::Webhooks, "webhooks"),
    (Scope::Keys, "keys"),
    (Scope::Read, "read"),
];

/// A set of scopes, stored as its bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// All scopes: the first key, and `RINGIM_ADMIN_KEY`.
    pub fn all() -> Self {
        SCOPES.iter().fold(Self::default(), |set, (scope, _)| set.with(*scope))
    }

    #[must_use]
    pub fn with(self, scope: Scope) -> Self {
        Self(self.0 | scope as u8)
    }

    pub fn contains(self, scope: Scope) -> bool {
        self.0 & scope as u8 != 0
    }

    /// A key grants only scopes it has.
    pub fn includes(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The set of these names, or the first name that is no scope.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        names.into_iter().try_fold(Self::default(), |set, name| {
            let known = SCOPES.iter().find(|(_, known)| *known == name);
            known.map(|(scope, _)| set.with(*scope)).ok_or(name)
        })
    }

    pub fn names(self) -> impl Iterator<Item = &'static str> {
        SCOPES
            .into_iter()
            .filter(move |(scope, _)| self.contains(*scope))
            .map(|(_, name)| name)
    }

    /// The stored form.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// The set behind a stored form; bits of scopes this program does not know grant nothing.
    pub fn from_bits(bits: u8) -> Self {
        Self(bits & Self::all().bits())
    }
}

/// SHA-256 of a key's or a token's whole text.
#[derive(Debug, Clone, Copy)]
pub struct KeyDigest([u8; digest::SHA256_OUTPUT_LEN]);

impl KeyDigest {
    pub fn of(text: &str) -> Self {
        let digest = digest::digest(&digest::SHA256, text.as_bytes());
        Self(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }

    pub fn from_bytes(bytes: [u8; digest::SHA256_OUTPUT_LEN]) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; digest::SHA256_OUTPUT_LEN] {
        &self.0
    }
}

/// Compares in time that tells nothing about where two digests differ.
impl PartialEq for KeyDigest {
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for KeyDigest {}

/// A key just made: the only moment its text exists.
#[derive(Debug)]
pub struct NewKey {
    pub id: String,
    pub text: Secret<String>,
    pub digest: KeyDigest,
}

impl NewKey {
    pub fn generate(random: &mut Random<'_>) -> Self {
        let id: String = draw::<ID_BYTES>(random)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let secret = URL_SAFE_NO_PAD.encode(draw::<SECRET_BYTES>(random));
        let text = format!("{PREFIX}{id}_{secret}");
        let digest = KeyDigest::of(&text);
        Self {
            id,
            text: Secret::new(text),
            digest,
        }
    }
}

/// The id inside a presented key, when it has the form of a key.
pub fn id_of(presented: &str) -> Option<&str> {
    let (id, secret) = presented.strip_prefix(PREFIX)?.split_once('_')?;
    let well_formed = id.len() == 2 * ID_BYTES
        && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && secret.len() == (SECRET_BYTES * 4).div_ceil(3);
    well_formed.then_some(id)
}

/// What a list shows of a key: enough to recognise it, nothing to use it.
pub fn listing_prefix(id: &str) -> String {
    format!("{PREFIX}{id}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::test_random;

    #[test]
    fn a_new_key_is_found_by_its_id_and_matches_its_digest_only() {
        let mut random = test_random();
        let key = NewKey::generate(&mut random);
        let other = NewKey::generate(&mut random);
        let text = key.text.expose();
        assert_eq!(id_of(text), Some(key.id.as_str()));
        assert!(text.starts_with(&listing_prefix(&key.id)));
        assert_eq!(key.digest, KeyDigest::of(text));
        assert_ne!(key.digest, KeyDigest::of(other.text.expose()));
        assert_ne!(key.digest, KeyDigest::of(&text[..text.len() - 1]));
        assert!(!format!("{key:?}").contains(text.as_str()));
    }

    #[test]
    fn the_digest_is_sha_256() {
        let digest = KeyDigest::of("abc");
        assert_eq!(digest.as_bytes()[..4], [0xba, 0x78, 0x16, 0xbf]);
        assert_eq!(KeyDigest::from_bytes(*digest.as_bytes()), digest);
    }

    #[test]
    fn what_has_not_the_form_of_a_key_has_no_id() {
        let valid = NewKey::generate(&mut test_random()).text.expose().clone();
        for text in [
            "",
            "rk_",
            "rk__",
            "YOUR_API_KEY",
            &valid[1..],
            &format!("{valid}x"),
            &valid.to_uppercase(),
        ] {
            assert_eq!(id_of(text), None, "{text}");
        }
    }

    #[test]
    fn scopes_are_a_set_by_name_and_by_bits() {
        let set = Scopes::from_names(["users", "read"]).expect("both are scopes");
        assert!(set.contains(Scope::Users) && set.contains(Scope::Read) && !set.contains(Scope::Keys));
        assert_eq!(set.names().collect::<Vec<_>>(), ["users", "read"]);
        assert_eq!(Scopes::from_bits(set.bits()), set);
        assert_eq!(Scopes::from_bits(u8::MAX), Scopes::all());
        assert_eq!(Scopes::from_names(["users", "root"]), Err("root"));
        assert!(Scopes::default().is_empty());
    }

    #[test]
    fn a_key_grants_only_scopes_it_has() {
        let narrow = Scopes::default().with(Scope::Read);
        assert!(Scopes::all().includes(narrow) && narrow.includes(narrow));
        assert!(!narrow.includes(Scopes::all()));
        assert_eq!(Scopes::all().names().count(), SCOPES.len());
    }
}
