//! Webhooks: who is told of what.

use crate::api::context::Context;
use crate::api::port::Operation;
use crate::api::refusal::Refusal;
use crate::api::rest::field::name;
use crate::api::step::{Call, Data, Flow, Step, unexpected};
use crate::api::webhook::target::{check_secret, check_url, make_secret};
use crate::api::wire::document::Object;
use crate::api::wire::list::{write_items, write_listed};
use crate::api::wire::webhook::{write_delivery, write_new_webhook, write_webhook};
use crate::domain::command::{Command, WebhookUpdate};
use crate::domain::id::Position;
use crate::domain::query::{Answer, Query};
use crate::domain::webhook::names::is_event_name;
use crate::domain::webhook::{DeliveryState, Webhook, WebhookKind};

/// How many events a webhook may name.
const EVENTS_MOST: usize = 32;

/// `POST /api/admin/webhook/create {url, events, kind?, secret?, name?}`; answers with the secret, once.
pub fn create(call: Call<'_, '_>) -> Flow {
    let Call { context, body, .. } = call;
    let kind = body.opt_parsed("kind", WebhookKind::parse)?.unwrap_or_default();
    let secret = match read_secret(kind, body)? {
        Some(secret) => Some(secret),
        None => make_secret(kind, context.random).map(Into::into),
    };
    let webhook = Webhook {
        id: context.new_uuid().into(),
        name: body
            .opt_str("name")?
            .map(|text| name("name", text))
            .transpose()?
            .unwrap_or_default()
            .as_ref()
            .into(),
        url: read_url(kind, body.str("url")?, context)?,
        kind,
        events: body.opt_list("events", EVENTS_MOST, event)?.unwrap_or_default(),
        secret,
        enabled: true,
        position: Position(0),
        created_at: context.now.wall_ms,
    };
    if webhook.events.is_empty() {
        return Err(Refusal::field("events", "Name at least one event, or `*` for all."));
    }
    let (id, secret) = (webhook.id.clone(), webhook.secret.clone());
    Step::submit(context, Command::CreateWebhook(Box::new(webhook)), move |_, _| {
        Step::json(|out| write_new_webhook(&id, secret.as_deref(), out))
    })
}

fn event(text: &str) -> Option<Box<str>> {
    is_event_name(text).then(|| text.into())
}

fn read_url(kind: WebhookKind, text: &str, context: &Context<'_>) -> Result<Box<str>, Refusal> {
    let url = check_url(kind, text, context.setup.webhook_allow_private);
    url.map(Into::into).map_err(|sentence| Refusal::field("url", sentence))
}

fn read_secret(kind: WebhookKind, body: Object<'_>) -> Result<Option<Box<str>>, Refusal> {
    let Some(secret) = body.opt_str("secret")? else {
        return Ok(None);
    };
    check_secret(kind, secret).map_err(|sentence| Refusal::field("secret", sentence))?;
    Ok(Some(secret.into()))
}

/// `POST /api/admin/webhook/update {id, url?, events?, kind?, secret?, name?, enabled?}`. A new `url`, `secret`
/// or `kind` is checked against the kind it is given with, `json` when there is none.
pub fn update(call: Call<'_, '_>) -> Flow {
    let Call { context, body, .. } = call;
    let kind = body.opt_parsed("kind", WebhookKind::parse)?;
    let form = kind.unwrap_or_default();
    let update = WebhookUpdate {
        name: body
            .opt_str("name")?
            .map(|text| name("name", text))
            .transpose()?
            .map(|text| text.as_ref().into()),
        url: body
            .opt_str("url")?
            .map(|text| read_url(form, text, context))
            .transpose()?,
        kind,
        events: body.opt_list("events", EVENTS_MOST, event)?,
        secret: read_secret(form, body)?,
        enabled: body.opt_flag("enabled")?,
    };
    let command = Command::UpdateWebhook {
        id: body.str("id")?.into(),
        update,
    };
    Step::submit(context, command, |_, _| Step::done())
}

/// `POST /api/admin/webhook/delete {id}`.
pub fn delete(call: Call<'_, '_>) -> Flow {
    let command = Command::DeleteWebhook(call.body.str("id")?.into());
    Step::submit(call.context, command, |_, _| Step::done())
}

/// `GET /api/admin/webhook/list`.
pub fn list(_call: Call<'_, '_>) -> Flow {
    Step::query(Query::Webhooks, |answer, _| match answer {
        Answer::Webhooks(webhooks) => {
            Step::json(|out| write_items(&webhooks, |webhook, out| write_webhook(webhook, out), out))
        }
        _ => unexpected(),
    })
}

/// `POST /api/admin/webhook/test {id}`: sends a test event now; answers status and time, never the target's body.
pub fn test(call: Call<'_, '_>) -> Flow {
    let operation = Operation::TestWebhook(call.body.str("id")?.into());
    Ok(Step::Collaborate(
        operation,
        Box::new(|text, _| Ok(Step::Done(Data::Json(text.into_string().into_bytes())))),
    ))
}

/// `GET /api/admin/webhook/deliveries?id=&state=`: what is failing.
pub fn deliveries(call: Call<'_, '_>) -> Flow {
    let id = call
        .parameters
        .text("id")?
        .ok_or_else(|| Refusal::field("id", "`id` is missing."))?;
    let query = Query::Deliveries {
        webhook: id.into(),
        state: call.parameters.parsed("state", DeliveryState::parse)?,
        page: call.parameters.page()?,
    };
    Step::query(query, |answer, _| match answer {
        Answer::Deliveries(deliveries) => Step::json(|out| write_listed(&deliveries, write_delivery, out)),
        _ => unexpected(),
    })
}

/// `POST /api/admin/webhook/replay {id, eventId?}`: makes dead events due again.
pub fn replay(call: Call<'_, '_>) -> Flow {
    let position = call
        .body
        .opt_parsed("eventId", |text| text.strip_prefix("evt_")?.parse().ok().map(Position))?;
    let command = Command::ReplayDeliveries {
        webhook: call.body.str("id")?.into(),
        position,
    };
    Step::submit(call.context, command, |_, _| Step::done())
}
