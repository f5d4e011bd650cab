//! API keys, webhooks and their failing events.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::command::ApiKey;
use crate::domain::id::Position;
use crate::domain::webhook::{Delivery, Webhook};

/// Everything other programs connect by.
#[derive(Clone, Default, Debug)]
pub(super) struct Integrations {
    keys: BTreeMap<Box<str>, ApiKey>,
    webhooks: BTreeMap<Box<str>, Arc<Webhook>>,
    deliveries: BTreeMap<(Box<str>, Position), Delivery>,
}

impl Integrations {
    pub(super) fn put_key(&mut self, key: &ApiKey) {
        self.keys.insert(key.id.clone(), key.clone());
    }

    pub(super) fn drop_key(&mut self, id: &str) {
        self.keys.remove(id);
    }

    pub(super) fn put_webhook(&mut self, webhook: &Arc<Webhook>) {
        self.webhooks.insert(webhook.id.clone(), webhook.clone());
    }

    pub(super) fn move_webhook(&mut self, id: &str, position: Position) {
        if let Some(webhook) = self.webhooks.get_mut(id) {
            Arc::make_mut(webhook).position = position;
        }
    }

    pub(super) fn drop_webhook(&mut self, id: &str) {
        self.webhooks.remove(id);
        self.deliveries.retain(|(webhook, _), _| webhook.as_ref() != id);
    }

    pub(super) fn put_delivery(&mut self, delivery: &Delivery) {
        self.deliveries
            .insert((delivery.webhook.clone(), delivery.position), delivery.clone());
    }

    pub(super) fn drop_delivery(&mut self, webhook: &str, position: Position) {
        self.deliveries.remove(&(webhook.into(), position));
    }

    pub(super) fn key(&self, id: &str) -> Option<&ApiKey> {
        self.keys.get(id)
    }

    pub(super) fn key_by_digest(&self, digest: &[u8; 32]) -> Option<&ApiKey> {
        self.keys.values().find(|key| key.digest == *digest)
    }

    /// All keys, oldest first.
    pub(super) fn keys(&self) -> Vec<ApiKey> {
        let mut keys: Vec<ApiKey> = self.keys.values().cloned().collect();
        keys.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
        keys
    }

    pub(super) fn webhook(&self, id: &str) -> Option<&Arc<Webhook>> {
        self.webhooks.get(id)
    }

    /// All webhooks, oldest first.
    pub(super) fn webhooks(&self) -> Vec<Arc<Webhook>> {
        let mut webhooks: Vec<Arc<Webhook>> = self.webhooks.values().cloned().collect();
        webhooks.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
        webhooks
    }

    /// The failing events of a webhook, in log order.
    pub(super) fn deliveries(&self, webhook: &str) -> impl Iterator<Item = &Delivery> {
        let id: Box<str> = webhook.into();
        let all = (id.clone(), Position(i64::MIN))..=(id, Position(i64::MAX));
        self.deliveries.range(all).map(|(_, delivery)| delivery)
    }
}
