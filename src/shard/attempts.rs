//! Limits on guessing that hold for the server as a whole: each shard counts its own attempts and those the others
//! tell of. A guesser who spreads over all shards at once gains at the most what is on its way between them.

use std::net::IpAddr;

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;

use crate::auth::attempts::{AttemptRates, Attempts, RetryAfter};

/// One attempt, as shards tell each other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Attempt {
    /// Somebody tries to sign in.
    Login {
        /// The username given.
        account: Box<str>,
        /// The client's address.
        address: IpAddr,
    },
    /// That attempt was no wrong guess.
    LoginReturned {
        /// The username given.
        account: Box<str>,
        /// The client's address.
        address: IpAddr,
    },
    /// Somebody registers.
    Register {
        /// The client's address.
        address: IpAddr,
    },
    /// Somebody presents an API key that is none.
    WrongKey {
        /// The client's address.
        address: IpAddr,
    },
}

/// What one shard knows of attempts anywhere. Times are milliseconds of the monotonic clock.
pub struct SharedAttempts {
    attempts: Attempts<SeedableRandomState>,
    untold: Vec<Attempt>,
}

impl SharedAttempts {
    /// Nothing counted yet. `seed` keeps outsiders from choosing accounts that share a slot.
    pub fn new(rates: AttemptRates, seed: u64) -> Self {
        let hasher = SeedableRandomState::with_seed(seed, SharedSeed::global_random());
        Self {
            attempts: Attempts::new(rates, hasher),
            untold: Vec::new(),
        }
    }

    /// Counts a login before its password is checked.
    ///
    /// # Errors
    /// How long to wait, when there were too many; then this one counts nothing.
    pub fn login(&mut self, now_ms: i64, account: &str, address: IpAddr) -> Result<(), RetryAfter> {
        self.attempts.login(now_ms, account, address)?;
        let account = account.into();
        self.untold.push(Attempt::Login { account, address });
        Ok(())
    }

    /// The login counted last for this account and address was no wrong guess.
    pub fn login_returned(&mut self, account: &str, address: IpAddr) {
        self.attempts.login_returned(account, address);
        let account = account.into();
        self.untold.push(Attempt::LoginReturned { account, address });
    }

    /// Counts a registration.
    ///
    /// # Errors
    /// How long to wait, when there were too many; then this one counts nothing.
    pub fn register(&mut self, now_ms: i64, address: IpAddr) -> Result<(), RetryAfter> {
        self.attempts.register(now_ms, address)?;
        self.untold.push(Attempt::Register { address });
        Ok(())
    }

    /// Counts a wrong API key.
    ///
    /// # Errors
    /// How long to wait, when there were too many; then this one counts nothing.
    pub fn wrong_key(&mut self, now_ms: i64, address: IpAddr) -> Result<(), RetryAfter> {
        self.attempts.wrong_key(now_ms, address)?;
        self.untold.push(Attempt::WrongKey { address });
        Ok(())
    }

    /// Counts what another shard tells. Above the limit nothing is left to be counted.
    pub fn hear(&mut self, now_ms: i64, attempt: &Attempt) {
        let attempts = &mut self.attempts;
        match attempt {
            Attempt::Login { account, address } => drop(attempts.login(now_ms, account, *address)),
            Attempt::LoginReturned { account, address } => attempts.login_returned(account, *address),
            Attempt::Register { address } => drop(attempts.register(now_ms, *address)),
            Attempt::WrongKey { address } => drop(attempts.wrong_key(now_ms, *address)),
        }
    }

    /// What the other shards must be told of.
    pub fn take_untold(&mut self) -> Vec<Attempt> {
        std::mem::take(&mut self.untold)
    }
}
