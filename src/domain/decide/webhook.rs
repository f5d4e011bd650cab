//! Webhooks and their failing events.

use std::sync::Arc;

use super::{Decision, require_admin};
use crate::domain::change::Change;
use crate::domain::command::{Actor, Reply, WebhookUpdate};
use crate::domain::event::Event;
use crate::domain::facts::Lookup;
use crate::domain::id::Position;
use crate::domain::rejection::{Refusal, Rejection};
use crate::domain::webhook::{Delivery, DeliveryState, Webhook};

pub fn create(actor: Actor, new: &Webhook, facts: &mut Lookup<'_>) -> Result<Decision, Refusal> {
    require_admin(actor)?;
    let webhook = Webhook {
        position: facts.head()?,
        ..new.clone()
    };
    Ok(changed(vec![Change::PutWebhook(Arc::new(webhook))]))
}

pub fn update(actor: Actor, id: &str, update: &WebhookUpdate, facts: &mut Lookup<'_>) -> Result<Decision, Refusal> {
    require_admin(actor)?;
    let mut webhook = find(id, facts)?;
    let was_enabled = webhook.enabled;
    let WebhookUpdate {
        name,
        url,
        kind,
        events,
        secret,
        enabled,
    } = update.clone();
    webhook.name = name.unwrap_or(webhook.name);
    webhook.url = url.unwrap_or(webhook.url);
    webhook.kind = kind.unwrap_or(webhook.kind);
    webhook.events = events.unwrap_or(webhook.events);
    webhook.secret = secret.or(webhook.secret);
    webhook.enabled = enabled.unwrap_or(webhook.enabled);
    if webhook.enabled && !was_enabled {
        // What happened while it was switched off is not for it.
        webhook.position = facts.head()?;
    }
    Ok(changed(vec![Change::PutWebhook(Arc::new(webhook))]))
}

pub fn delete(actor: Actor, id: &str, facts: &mut Lookup<'_>) -> Result<Decision, Refusal> {
    require_admin(actor)?;
    let webhook = find(id, facts)?;
    Ok(changed(vec![Change::DropWebhook(webhook.id)]))
}

pub fn record(
    actor: Actor,
    id: &str,
    position: Option<Position>,
    failing: &[Delivery],
    delivered: &[Position],
    facts: &mut Lookup<'_>,
) -> Result<Decision, Refusal> {
    require_admin(actor)?;
    let webhook = find(id, facts)?;
    let mut changes: Vec<Change> = failing.iter().cloned().map(Change::PutDelivery).collect();
    changes.extend(delivered.iter().map(|at| Change::DropDelivery(webhook.id.clone(), *at)));
    if let Some(position) = position {
        changes.push(Change::PutWebhookPosition(webhook.id, position));
    }
    Ok(Decision {
        changes,
        events: Vec::new(),
        reply: Reply::Done,
    })
}

pub fn replay(actor: Actor, id: &str, position: Option<Position>, facts: &mut Lookup<'_>) -> Result<Decision, Refusal> {
    require_admin(actor)?;
    let webhook = find(id, facts)?;
    let mut dead = facts.source().dead_deliveries(&webhook.id)?;
    if let Some(position) = position {
        dead.retain(|delivery| delivery.position == position);
        if dead.is_empty() {
            return Err(Rejection::NotFound.into());
        }
    }
    let again = |delivery: Delivery| Delivery {
        state: DeliveryState::Retrying,
        attempts: 0,
        next_attempt_at: 0,
        ..delivery
    };
    Ok(changed(dead.into_iter().map(again).map(Change::PutDelivery).collect()))
}

fn find(id: &str, facts: &mut Lookup<'_>) -> Result<Webhook, Refusal> {
    Ok(facts.source().webhook(id)?.ok_or(Rejection::NotFound)?)
}

fn changed(changes: Vec<Change>) -> Decision {
    Decision {
        changes,
        events: vec![Event::WebhooksChanged],
        reply: Reply::Done,
    }
}
