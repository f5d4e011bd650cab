//! Limits on guessing: failed logins per account and address together and, more slowly, per account;
//! registrations and wrong API keys per address.
//!
//! Each limit is a generic cell rate algorithm over a fixed table: a key hashes to one slot that holds
//! the time at which it will be as good as new. Memory is constant whatever an attacker sends; two keys
//! share a slot, and thereby a limit, with a chance of one in [`SLOTS`]. Times are milliseconds of a clock
//! that does not go back.

use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;

use crate::base::limits;

const SLOTS: usize = 16_384;

/// An account as a whole may fail this many times as often in a burst as from one address; after the
/// burst both recover at the same pace. High enough that one guesser alone does not lock the owner out.
const ACCOUNT_BURST_FACTOR: i64 = 10;

const MINUTE_MS: i64 = 60_000;

/// Try again after this many milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryAfter(pub i64);

/// Attempts per minute; 0 switches a limit off.
#[derive(Debug, Clone, Copy)]
pub struct AttemptRates {
    pub login_failures_per_minute: u32,
    pub register_per_minute: u32,
}

/// The limits of one server. `S` hashes keys, seeded by the caller since accounts come from outside.
pub struct Attempts<S> {
    hasher: S,
    login_pair: Limit,
    login_account: Limit,
    register: Limit,
    wrong_key: Limit,
}

impl<S: BuildHasher> Attempts<S> {
    pub fn new(rates: AttemptRates, hasher: S) -> Self {
        Self {
            hasher,
            login_pair: Limit::new(rates.login_failures_per_minute, 1),
            login_account: Limit::new(rates.login_failures_per_minute, ACCOUNT_BURST_FACTOR),
            register: Limit::new(rates.register_per_minute, 1),
            wrong_key: Limit::new(limits::WRONG_KEYS_PER_MINUTE, 1),
        }
    }

    /// Counts a login before its password is checked, so that guesses sent at once count as well;
    /// [`Self::login_returned`] gives it back unless the password was wrong. A refused attempt counts nothing.
    pub fn login(&mut self, now_ms: i64, account: &str, address: IpAddr) -> Result<(), RetryAfter> {
        let (pair, account) = self.login_slots(account, address);
        self.login_account.check(now_ms, account)?;
        self.login_pair.take(now_ms, pair)?;
        self.login_account.take(now_ms, account)
    }

    /// The login counted last for this account and address was no wrong guess.
    pub fn login_returned(&mut self, account: &str, address: IpAddr) {
        let (pair, account) = self.login_slots(account, address);
        self.login_pair.give_back(pair);
        self.login_account.give_back(account);
    }

    /// Counts a registration.
    pub fn register(&mut self, now_ms: i64, address: IpAddr) -> Result<(), RetryAfter> {
        let slot = self.slot(network_of(address));
        self.register.take(now_ms, slot)
    }

    /// Counts a wrong API key. Only the answer to it depends on the limit, since whether a key is right is known
    /// before: nobody can lock out its owner, at the same address or another.
    pub fn wrong_key(&mut self, now_ms: i64, address: IpAddr) -> Result<(), RetryAfter> {
        let slot = self.slot(network_of(address));
        self.wrong_key.take(now_ms, slot)
    }

    fn login_slots(&self, account: &str, address: IpAddr) -> (usize, usize) {
        // User names are unique without regard to case, so a guess in another case is the same guess.
        let account = account.to_ascii_lowercase();
        (self.slot((&account, network_of(address))), self.slot(&account))
    }

    fn slot(&self, key: impl Hash) -> usize {
        (self.hasher.hash_one(key) % SLOTS as u64) as usize
    }
}

/// What counts as one address: an IPv6 caller owns a whole /64.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & (u128::MAX << 64)).into()),
        v4 => v4,
    }
}

/// One limit over all keys. A slot holds the millisecond at which its key has its full burst again.
struct Limit {
    /// Milliseconds one attempt costs; `None` when the limit is off.
    cost_ms: Option<i64>,
    /// How far a slot may lie ahead of now.
    burst_ms: i64,
    full_again_ms: Vec<i64>,
}

impl Limit {
    fn new(per_minute: u32, burst_factor: i64) -> Self {
        let cost_ms = (per_minute > 0).then(|| (MINUTE_MS / i64::from(per_minute)).max(1));
        let burst_ms = cost_ms.map_or(0, |cost| cost * i64::from(per_minute) * burst_factor);
        let slots = if cost_ms.is_some() { SLOTS } else { 0 };
        Self {
            cost_ms,
            burst_ms,
            full_again_ms: vec![0; slots],
        }
    }

    /// The slot's time after one more attempt, or how long to wait for it.
    fn next(&self, now_ms: i64, slot: usize) -> Result<i64, RetryAfter> {
        let (Some(cost_ms), Some(full_again_ms)) = (self.cost_ms, self.full_again_ms.get(slot)) else {
            return Ok(0);
        };
        let next = (*full_again_ms).max(now_ms) + cost_ms;
        let wait = next - now_ms - self.burst_ms;
        if wait > 0 { Err(RetryAfter(wait)) } else { Ok(next) }
    }

    fn check(&self, now_ms: i64, slot: usize) -> Result<(), RetryAfter> {
        self.next(now_ms, slot).map(|_| ())
    }

    fn take(&mut self, now_ms: i64, slot: usize) -> Result<(), RetryAfter> {
        let next = self.next(now_ms, slot)?;
        if let Some(full_again_ms) = self.full_again_ms.get_mut(slot) {
            *full_again_ms = next;
        }
        Ok(())
    }

    fn give_back(&mut self, slot: usize) {
        if let (Some(cost_ms), Some(full_again_ms)) = (self.cost_ms, self.full_again_ms.get_mut(slot)) {
            *full_again_ms -= cost_ms;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::{BuildHasherDefault, DefaultHasher};
    use std::net::Ipv4Addr;

    const NOW: i64 = 1_700_000_000_000;

    fn attempts(login: u32, register: u32) -> Attempts<BuildHasherDefault<DefaultHasher>> {
        let rates = AttemptRates {
            login_failures_per_minute: login,
            register_per_minute: register,
        };
        Attempts::new(rates, BuildHasherDefault::default())
    }

    fn address(last: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, last).into()
    }

    #[test]
    fn one_address_may_fail_a_burst_and_then_at_the_rate() {
        let mut attempts = attempts(5, 0);
        for _ in 0..5 {
            assert_eq!(attempts.login(NOW, "alice", address(1)), Ok(()));
        }
        assert_eq!(attempts.login(NOW, "alice", address(1)), Err(RetryAfter(12_000)));
        assert_eq!(attempts.login(NOW, "ALICE", address(1)), Err(RetryAfter(12_000)));
        assert_eq!(attempts.login(NOW, "bob", address(1)), Ok(()));
        assert_eq!(attempts.login(NOW + 11_999, "alice", address(1)), Err(RetryAfter(1)));
        assert_eq!(attempts.login(NOW + 12_000, "alice", address(1)), Ok(()));
        assert!(attempts.login(NOW + 12_000, "alice", address(1)).is_err());
    }

    #[test]
    fn the_owner_at_another_address_is_not_locked_out_by_one_guesser() {
        let mut attempts = attempts(5, 0);
        for second in 0..600 {
            let _ = attempts.login(NOW + second * 1000, "alice", address(1));
        }
        assert_eq!(attempts.login(NOW + 600_000, "alice", address(2)), Ok(()));
    }

    #[test]
    fn many_addresses_together_meet_the_limit_of_the_account() {
        let mut attempts = attempts(5, 0);
        let passed = (0..=255).filter(|last| attempts.login(NOW, "alice", address(*last)).is_ok());
        assert_eq!(passed.count(), 50);
        assert_eq!(attempts.login(NOW, "alice", address(0)), Err(RetryAfter(12_000)));
        assert_eq!(attempts.login(NOW, "bob", address(0)), Ok(()));
    }

    #[test]
    fn an_attempt_refused_for_the_account_costs_the_address_nothing() {
        let mut attempts = attempts(5, 0);
        for last in 0..50 {
            assert_eq!(attempts.login(NOW, "alice", address(last)), Ok(()));
        }
        for _ in 0..5 {
            assert!(attempts.login(NOW + 11_000, "alice", address(99)).is_err());
        }
        assert_eq!(attempts.login(NOW + 12_000, "alice", address(99)), Ok(()));
    }

    #[test]
    fn a_right_password_costs_nothing() {
        let mut attempts = attempts(5, 0);
        for _ in 0..1000 {
            assert_eq!(attempts.login(NOW, "alice", address(1)), Ok(()));
            attempts.login_returned("alice", address(1));
        }
    }

    #[test]
    fn registrations_are_counted_per_network() {
        let mut attempts = attempts(0, 2);
        let first: IpAddr = "2001:db8::1".parse().expect("an address");
        let neighbour: IpAddr = "2001:db8::ffff:2".parse().expect("an address");
        let elsewhere: IpAddr = "2001:db8:0:1::1".parse().expect("an address");
        assert_eq!(attempts.register(NOW, first), Ok(()));
        assert_eq!(attempts.register(NOW, neighbour), Ok(()));
        assert_eq!(attempts.register(NOW, first), Err(RetryAfter(30_000)));
        assert_eq!(attempts.register(NOW, elsewhere), Ok(()));
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().expect("an address");
        assert_eq!(network_of(mapped), address(1));
    }

    #[test]
    fn wrong_keys_are_counted_per_network() {
        let mut attempts = attempts(0, 0);
        let passed = (0..100).filter(|_| attempts.wrong_key(NOW, address(1)).is_ok());
        assert_eq!(passed.count(), 20);
        assert_eq!(attempts.wrong_key(NOW, address(2)), Ok(()));
        assert_eq!(attempts.wrong_key(NOW + 3_000, address(1)), Ok(()));
    }

    #[test]
    fn a_rate_of_zero_is_no_limit() {
        let mut attempts = attempts(0, 0);
        for _ in 0..100_000 {
            assert_eq!(attempts.login(NOW, "alice", address(1)), Ok(()));
            assert_eq!(attempts.register(NOW, address(1)), Ok(()));
        }
        attempts.login_returned("alice", address(1));
    }

    #[test]
    fn a_clock_set_back_keeps_the_limit_and_does_not_overflow() {
        let mut attempts = attempts(1, 0);
        assert_eq!(attempts.login(NOW, "alice", address(1)), Ok(()));
        assert!(attempts.login(NOW - 3_600_000, "alice", address(1)).is_err());
        assert!(attempts.login(0, "alice", address(1)).is_err());
    }

    #[test]
    fn a_very_high_rate_still_counts() {
        let mut attempts = attempts(u32::MAX, 1);
        assert_eq!(attempts.login(NOW, "alice", address(1)), Ok(()));
    }
}
