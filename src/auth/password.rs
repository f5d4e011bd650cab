//! Passwords: argon2id with the parameters of the OWASP cheat sheet, stored as PHC strings.
//!
//! One hash takes about 20 ms and 19 MiB: call these functions on the bounded password pool, never on
//! a shard.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

use super::{Random, draw};

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A hash nothing matches: checked when there is no such user, so that both answers take the same time.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5bm9ibw\
                      $QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE";

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are in range");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Whether a new password's length, in bytes, lies within the configured limits.
pub fn is_acceptable(password: &str, limits: &std::ops::RangeInclusive<usize>) -> bool {
    limits.contains(&password.len())
}

/// The PHC string to store for a password.
pub fn hash(password: &str, random: &mut Random<'_>) -> String {
    let salt: [u8; 16] = draw(random);
    let hashed: PasswordHash = argon2()
        .hash_password_with_salt(password.as_bytes(), &salt)
        .expect("argon2id hashes any password below 4 GiB with a 16-byte salt");
    hashed.to_string()
}

/// Whether `password` is the one behind `stored`; without a stored hash (no such user, or an account
/// without a password) the answer is no, after the same work.
pub fn verify(password: &str, stored: Option<&str>) -> bool {
    let Ok(parsed) = PasswordHash::new(stored.unwrap_or(NOBODY)) else {
        return false;
    };
    let matches = argon2().verify_password(password.as_bytes(), &parsed).is_ok();
    matches && stored.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::test_random;

    #[test]
    fn a_password_verifies_against_its_own_hash_only() {
        let stored = hash("correct horse", &mut test_random());
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(verify("correct horse", Some(&stored)));
        assert!(!verify("correct horsf", Some(&stored)));
        assert!(!verify("", Some(&stored)));
    }

    #[test]
    fn every_byte_of_a_long_password_counts() {
        let long = "a".repeat(256);
        let stored = hash(&long, &mut test_random());
        assert!(verify(&long, Some(&stored)));
        assert!(!verify(&long[..255], Some(&stored)));
        assert!(!verify("with\0nul", Some(&hash("with", &mut test_random()))));
    }

    #[test]
    fn the_length_of_a_new_password_is_counted_in_bytes() {
        let limits = 8..=256;
        assert!(!is_acceptable("1234567", &limits));
        assert!(is_acceptable("12345678", &limits));
        assert!(is_acceptable("密码密", &limits), "nine bytes");
        assert!(is_acceptable(&"a".repeat(256), &limits));
        assert!(!is_acceptable(&"a".repeat(257), &limits));
    }

    #[test]
    fn two_hashes_of_one_password_differ_by_their_salt() {
        let mut random = test_random();
        assert_ne!(hash("password", &mut random), hash("password", &mut random));
    }

    #[test]
    fn an_unknown_user_costs_the_same_work_and_is_refused() {
        let parsed = PasswordHash::new(NOBODY).expect("the stand-in hash is well formed");
        let params = Params::try_from(&parsed).expect("and has argon2 parameters");
        let ours = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("ours");
        assert_eq!(
            (params.m_cost(), params.t_cost(), params.p_cost()),
            (ours.m_cost(), ours.t_cost(), ours.p_cost())
        );
        assert!(parsed.salt.is_some() && parsed.hash.is_some());
        assert!(!verify("password", None));
    }

    #[test]
    fn a_damaged_stored_hash_is_a_refusal_and_no_panic() {
        let unknown = "$argon2x$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo";
        for stored in [
            "",
            "plain",
            "$argon2id$",
            "$argon2id$v=19$m=19456,t=2,p=1$c2Fsd",
            unknown,
        ] {
            assert!(!verify("password", Some(stored)), "{stored}");
        }
    }
}
