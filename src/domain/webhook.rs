//! Webhooks: who is told of what, and how far each has been told.

mod health;
pub mod lanes;
pub mod names;
pub mod pace;
pub mod queue;
mod record;
mod schedule;

use super::id::{Position, Timestamp};

/// The format a target understands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum WebhookKind {
    /// The event itself, signed per Standard Webhooks.
    #[default]
    Json,
    /// A WeCom group robot.
    Wecom,
    /// A DingTalk group robot.
    Dingtalk,
    /// A Feishu group robot.
    Feishu,
    /// A Slack incoming webhook.
    Slack,
}

impl WebhookKind {
    const ALL: [Self; 5] = [Self::Json, Self::Wecom, Self::Dingtalk, Self::Feishu, Self::Slack];

    /// The word used outside and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Wecom => "wecom",
            Self::Dingtalk => "dingtalk",
            Self::Feishu => "feishu",
            Self::Slack => "slack",
        }
    }

    /// Reads the word; `None` for any other.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// One configured webhook. The address of a robot and the secret stay in `credentials.db`.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id, made by the server.
    pub id: Box<str>,
    /// A name for people.
    pub name: Box<str>,
    /// The target.
    pub url: Box<str>,
    /// Its format.
    pub kind: WebhookKind,
    /// Event names, or `*`.
    pub events: Vec<Box<str>>,
    /// Standard Webhooks secret (`whsec_...`) or the robot's signing secret.
    pub secret: Option<Box<str>>,
    /// Switched off by an operator, or by the target's 410.
    pub enabled: bool,
    /// Everything up to here is delivered, or kept in the failing rows.
    pub position: Position,
    /// When it was created.
    pub created_at: Timestamp,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Webhook")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// What became of an event that could not be delivered at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeliveryState {
    /// To be tried again at `next_attempt_at`.
    Retrying,
    /// Given up; waits for a replay.
    Dead,
}

impl DeliveryState {
    /// The word used outside and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retrying => "retrying",
            Self::Dead => "dead",
        }
    }

    /// Reads the word; `None` for any other.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Retrying, Self::Dead]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// A failing event of one webhook.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// The webhook.
    pub webhook: Box<str>,
    /// The event's log position; with the webhook the key. `evt_<position>` outside.
    pub position: Position,
    /// What became of it.
    pub state: DeliveryState,
    /// Attempts made.
    pub attempts: i64,
    /// When to try again.
    pub next_attempt_at: Timestamp,
    /// A short reason without the target's body: `status 500`, `timeout`, ...
    pub error: Box<str>,
}

/// How an attempt to deliver ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The target took it.
    Delivered,
    /// It did not.
    Failed {
        /// A short reason without the target's body.
        error: Box<str>,
        /// When the target wants to be asked again, in milliseconds from now.
        retry_after: Option<Timestamp>,
        /// It will never want anything again (410): switch the webhook off.
        gone: bool,
    },
}

impl Outcome {
    /// A failure that is tried again on schedule.
    pub fn failed(error: impl Into<Box<str>>) -> Self {
        Self::Failed {
            error: error.into(),
            retry_after: None,
            gone: false,
        }
    }
}
