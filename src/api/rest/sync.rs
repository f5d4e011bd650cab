//! All that concerns a user since a cursor, for WebSocket clients and REST pollers.

use crate::api::step::{Call, Flow, Step, unexpected};
use crate::api::wire::parameters::checked_limit;
use crate::api::wire::sync::{read_cursor, write_page};
use crate::base::limits;
use crate::domain::query::{Answer, Query};

/// `POST /api/sync` and the frame `sync`.
pub fn sync(call: Call<'_, '_>) -> Flow {
    let Call { context, body, .. } = call;
    let limit = checked_limit(body.opt_int("limit")?, limits::SYNC_MESSAGES_DEFAULT)?;
    let given = body.opt_str("cursor")?;
    let cursor = given.and_then(|cursor| read_cursor(cursor, &context.setup.epoch));
    let lost = given.is_some() && cursor.is_none();
    Step::query(
        Query::Sync {
            user: context.user()?,
            cursor,
            limit,
        },
        move |answer, context| {
            let Answer::Sync(mut page) = answer else {
                return unexpected();
            };
            page.recovered &= !lost;
            Step::json(|out| write_page(&page, &context.setup.epoch, out))
        },
    )
}
