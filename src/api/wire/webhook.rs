//! Webhooks and their failing events as administrators see them: secrets once, robots' addresses never whole.

use super::json::{Members, write_value};
use crate::api::webhook::target::redact;
use crate::domain::webhook::{Delivery, Webhook};

/// A webhook in a list.
pub fn write_webhook(webhook: &Webhook, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members
        .value("id", &*webhook.id)
        .value("name", &*webhook.name)
        .value("kind", webhook.kind.as_str())
        .value("url", redact(webhook.kind, &webhook.url))
        .list("events", &webhook.events, |event, out| write_value(&**event, out))
        .value("enabled", webhook.enabled)
        .value("createdAt", webhook.created_at)
        .end();
}

/// A webhook at the only moment when its secret is shown.
pub fn write_new_webhook(id: &str, secret: Option<&str>, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members.value("id", id).value("secret", secret).end();
}

/// A failing event.
pub fn write_delivery(delivery: &Delivery, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members
        .value("webhookId", &*delivery.webhook)
        .value("eventId", format!("evt_{}", delivery.position.0))
        .value("state", delivery.state.as_str())
        .value("attempts", delivery.attempts)
        .value("nextAttemptAt", delivery.next_attempt_at)
        .value("error", &*delivery.error)
        .end();
}
