//! API keys.

use crate::api::refusal::{Fault, Refusal};
use crate::api::rest::field::name;
use crate::api::step::{Call, Flow, Step, unexpected};
use crate::api::wire::key::{write_key, write_new_key};
use crate::api::wire::list::write_items;
use crate::auth::key::{NewKey, Scopes, listing_prefix};
use crate::domain::command::{ApiKey, Command};
use crate::domain::query::{Answer, Query};

/// How many scopes there are to be named.
const SCOPES_MOST: usize = 16;

/// `POST /api/admin/key/create {name, scopes}`: a key grants only scopes it has.
pub fn create(call: Call<'_, '_>) -> Flow {
    let Call { context, body, .. } = call;
    let label = name("name", body.str("name")?)?;
    let names = body.list("scopes", SCOPES_MOST, |text| Some(text.to_owned()))?;
    let scopes = Scopes::from_names(names.iter().map(String::as_str));
    let scopes = scopes.map_err(|_| {
        Refusal::field(
            "scopes",
            "A scope is one of users, groups, messages, webhooks, keys, read.",
        )
    })?;
    if scopes.is_empty() {
        return Err(Refusal::field("scopes", "Name at least one scope."));
    }
    if !context.scopes().includes(scopes) {
        return Err(Fault::ForbiddenScope.into());
    }
    let new = NewKey::generate(context.random);
    let key = ApiKey {
        name: (&*label).into(),
        prefix: listing_prefix(&new.id).into(),
        digest: *new.digest.as_bytes(),
        scopes: scopes.bits(),
        created_at: context.now.wall_ms,
        id: new.id.clone().into(),
    };
    Step::submit(context, Command::CreateKey(key), move |_, _| {
        Step::json(|out| write_new_key(&new.id, new.text.expose(), out))
    })
}

/// `POST /api/admin/key/revoke {id}`.
pub fn revoke(call: Call<'_, '_>) -> Flow {
    let command = Command::RevokeKey(call.body.str("id")?.into());
    Step::submit(call.context, command, |_, _| Step::done())
}

/// `GET /api/admin/key/list`.
pub fn list(_call: Call<'_, '_>) -> Flow {
    Step::query(Query::ApiKeys, |answer, _| match answer {
        Answer::ApiKeys(keys) => Step::json(|out| write_items(&keys, write_key, out)),
        _ => unexpected(),
    })
}
