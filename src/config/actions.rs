//! The sub-commands and their arguments; a doc comment here is a line of `--help`.

use std::convert::Infallible;
use std::path::PathBuf;

use clap::Subcommand;

use crate::base::secret::Secret;

/// The sub-commands.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Action {
    /// Run the server (without a sub-command as well)
    Serve,
    /// Manage accounts
    #[command(subcommand)]
    User(UserAction),
    /// Manage groups
    #[command(subcommand)]
    Group(GroupAction),
    /// Manage API keys
    #[command(subcommand)]
    Key(KeyAction),
    /// Manage webhooks
    #[command(subcommand)]
    Webhook(WebhookAction),
    /// Copy both databases into one file, consistently, also while the server runs
    Backup {
        /// The file to write; it must not exist
        file: PathBuf,
    },
    /// Bring a backup back into the data folder
    Restore {
        /// The file that `backup` wrote
        file: PathBuf,
    },
    /// Check the databases and the machine
    Check,
    /// Print the version
    Version,
}

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum UserAction {
    /// Create an account
    Add {
        username: String,
        /// The user id; the username when absent
        #[arg(long)]
        id: Option<String>,
        /// The name others see
        #[arg(long)]
        nickname: Option<String>,
        /// `-` reads it from standard input; without a password the account signs in by tokens alone
        #[arg(long, value_parser = secret)]
        password: Option<Secret<String>>,
    },
    /// List accounts
    List,
    /// Refuse a user every access and close its connections
    Ban { user_id: String },
    /// Undo a ban
    Unban { user_id: String },
    /// Delete an account
    Delete { user_id: String },
    /// Set a password and end all tokens
    Password {
        user_id: String,
        /// Read from standard input when absent or `-`
        #[arg(long, value_parser = secret)]
        password: Option<Secret<String>>,
    },
    /// Print a new token
    Token { user_id: String },
    /// Let a user send as another identity
    Grant { user_id: String, identity_id: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum GroupAction {
    /// Create a group
    Create {
        name: String,
        /// The owner's user id
        #[arg(long)]
        owner: String,
        /// The group id; made by the server when absent
        #[arg(long)]
        id: Option<String>,
        /// Further members' user ids, separated by commas
        #[arg(long, value_delimiter = ',')]
        members: Vec<String>,
    },
    /// List groups
    List,
    /// Add members
    Add {
        group_id: String,
        #[arg(required = true)]
        user_ids: Vec<String>,
    },
    /// Remove members
    Remove {
        group_id: String,
        #[arg(required = true)]
        user_ids: Vec<String>,
    },
    /// Dismiss a group
    Dismiss { group_id: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum KeyAction {
    /// Create an API key and print it, once
    Create {
        /// A name to recognise it by
        #[arg(long, default_value = "cli")]
        name: String,
        /// Of users, groups, messages, webhooks, keys and read, separated by commas; all when absent
        #[arg(long, value_delimiter = ',')]
        scopes: Vec<String>,
    },
    /// List API keys
    List,
    /// Revoke an API key
    Revoke { key_id: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum WebhookAction {
    /// Create a webhook and print its secret, once
    Add {
        url: String,
        /// Names of events, separated by commas
        #[arg(long, value_delimiter = ',', default_value = "*")]
        events: Vec<String>,
        /// json, wecom, dingtalk, feishu or slack
        #[arg(long, default_value = "json")]
        kind: String,
        /// A name to recognise it by
        #[arg(long)]
        name: Option<String>,
        /// The signing secret; made by the server when absent
        #[arg(long, value_parser = secret)]
        secret: Option<Secret<String>>,
    },
    /// List webhooks
    List,
    /// Send a test event
    Test { webhook_id: String },
}

fn secret(text: &str) -> Result<Secret<String>, Infallible> {
    Ok(Secret::new(text.to_owned()))
}
