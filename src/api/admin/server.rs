//! The server as a whole, for dashboards and operators.

use std::collections::HashSet;

use crate::api::port::Operation;
use crate::api::step::{Call, Data, Flow, Step, unexpected};
use crate::api::wire::connection::{write_connection, write_stats};
use crate::api::wire::list::write_items;
use crate::domain::query::{Answer, Query};

/// `GET /api/admin/stats`.
pub fn stats(_call: Call<'_, '_>) -> Flow {
    Step::query(Query::Counts, |answer, _| {
        let Answer::Counts(counts) = answer else {
            return unexpected();
        };
        let count = move |connections: Vec<crate::shard::peer::ConnectionInfo>| {
            let online: HashSet<_> = connections.iter().map(|connection| &connection.user).collect();
            Step::json(|out| write_stats(&counts, connections.len(), online.len(), out))
        };
        Ok(Step::ListConnections(Box::new(move |connections, _| {
            count(connections)
        })))
    })
}

/// `GET /api/admin/connections`.
pub fn connections(_call: Call<'_, '_>) -> Flow {
    Ok(Step::ListConnections(Box::new(|connections, _| {
        Step::json(|out| write_items(&connections, write_connection, out))
    })))
}

/// `POST /api/admin/backup {file}`: writes a consistent copy of both databases on the server's machine.
pub fn backup(call: Call<'_, '_>) -> Flow {
    collaborate(Operation::Backup(call.body.str("file")?.into()))
}

/// `GET /api/admin/check`: what is wrong with the databases, and the rows of each view.
pub fn check(_call: Call<'_, '_>) -> Flow {
    collaborate(Operation::Check)
}

fn collaborate(operation: Operation) -> Flow {
    Ok(Step::Collaborate(
        operation,
        Box::new(|text, _| Ok(Step::Done(Data::Json(text.into_string().into_bytes())))),
    ))
}
