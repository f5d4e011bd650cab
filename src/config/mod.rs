//! What the operator may choose: the settings table, the layers it is filled from, the command line.
//!
//! One table ([`settings`]) names every setting; flags, `RINGIM_*` variables, the settings file, `--help`
//! and the README's table derive from it. A flag beats a variable beats the file beats the default.

pub mod actions;
pub mod command_line;
pub mod layers;
pub mod network;
pub mod origins;
pub mod setting;
pub mod settings;
mod suggestion;
mod value;

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::base::secret::Secret;
use network::Network;
use origins::Origins;

/// Every setting with its final value; [`Config::default`] has the table's defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The one address of REST, WebSocket and operations; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The data folder.
    pub data: PathBuf,
    /// The settings file these values were read from.
    pub settings_file: Option<PathBuf>,
    /// Number of shards; 0 chooses by the machine.
    pub shards: usize,
    /// Who may create an account.
    pub registration: Registration,
    /// Life of a user's token.
    pub token_ttl: Duration,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Pages that may call the user API from a browser.
    pub cors_origins: Origins,
    /// Whether webhooks may go to private addresses.
    pub webhook_allow_private: bool,
    /// Newest messages of the server for which a repeated message id is recognised.
    pub message_id_window: usize,
    /// Sizes of what comes from outside.
    pub limits: Limits,
    /// Rates of what comes from outside.
    pub rates: Rates,
    /// How long a connection may take.
    pub deadlines: Deadlines,
    /// What is logged.
    pub log: Log,
    /// Secrets given from outside.
    pub secrets: Secrets,
}

/// Who may create an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Registration {
    /// Anybody who reaches the server.
    #[default]
    Open,
    /// Administrators.
    Closed,
}

/// Sizes of what comes from outside (contract section 2); bytes unless said otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    /// The head of an HTTP request.
    pub head_bytes: usize,
    /// Number of fields in it.
    pub head_fields: usize,
    /// The body of an HTTP request.
    pub body_bytes: usize,
    /// A WebSocket message.
    pub frame_bytes: usize,
    /// The content of a chat message.
    pub content_bytes: usize,
    /// Shortest new password.
    pub password_bytes_min: usize,
    /// Longest password.
    pub password_bytes_max: usize,
}

impl Limits {
    /// The length a new password must have.
    pub fn password_bytes(&self) -> RangeInclusive<usize> {
        self.password_bytes_min..=self.password_bytes_max
    }
}

/// Rates of what comes from outside; 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates {
    /// Registrations of one address.
    pub register_per_minute: u32,
    /// Wrong passwords for one account from one address.
    pub login_failures_per_minute: u32,
}

/// How long a connection may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Deadlines {
    /// From the first byte of a request to the end of its head.
    pub head: Duration,
    /// From the end of the head to the end of the body.
    pub body: Duration,
    /// Between two requests of a kept-alive connection.
    pub idle: Duration,
}

/// What is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Log {
    pub level: LogLevel,
    pub format: LogFormat,
}

/// The least important event that is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
}

/// How an event is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// One line for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Secrets given from outside rather than kept in the data folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Secrets {
    /// A further API key with all scopes, valid while set.
    pub admin_key: Option<Secret<String>>,
    /// Signs user tokens in place of `jwt.secret`.
    pub jwt_secret: Option<Secret<String>>,
}
