//! The shape of an operation: what a REST route or a WebSocket request does, one step at a time.
//!
//! An operation reads its [`Call`] and answers with the first [`Step`]. Whoever runs it (the gateway) carries the
//! step out and calls `then` with the outcome, until [`Step::Done`]. A refusal at any step ends it. The same
//! operation serves REST and WebSocket; only the envelope around its data differs.

use super::context::Context;
use super::port::{Operation as Collaboration, PasswordJob, PasswordResult};
use super::refusal::{Fault, Refusal};
use super::wire::document::Object;
use super::wire::parameters::Parameters;
use crate::domain::command::{Actor, Command, Reply};
use crate::domain::query::{Answer, Query};
use crate::shard::peer::ConnectionInfo;

/// An operation: a plain function in the table of routes or of live requests.
pub type Operation = fn(Call<'_, '_>) -> Flow;

/// The next step, or the end.
pub type Flow = Result<Step, Refusal>;

/// What follows a step. A closure without captures is not allocated.
pub type Then<T> = Box<dyn FnOnce(T, &mut Context<'_>) -> Flow>;

/// What an operation is given.
pub struct Call<'r, 'c> {
    /// Time, caller, randomness, settings.
    pub context: &'r mut Context<'c>,
    /// The body of a POST, or the `data` of a frame; empty when there is none.
    pub body: Object<'r>,
    /// The path's id and the query of a GET; empty for frames.
    pub parameters: &'r Parameters<'r>,
}

/// What an operation answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Data {
    /// `"data"` of the envelope, as JSON.
    Json(Vec<u8>),
    /// A body of its own, without envelope.
    Page {
        /// Its media type.
        content_type: &'static str,
        /// Its bytes.
        body: Vec<u8>,
    },
}

/// What is to be done next.
pub enum Step {
    /// Nothing: this is the answer.
    Done(Data),
    /// Ask the writer.
    Submit(Actor, Command, Then<Reply>),
    /// Ask a reader.
    Query(Box<Query>, Then<Answer>),
    /// Ask the password pool; a full pool ends the operation with `busy`.
    Password(PasswordJob, Then<PasswordResult>),
    /// Ask a collaborator of the runtime for a text.
    Collaborate(Collaboration, Then<Box<str>>),
    /// Ask all shards who is connected.
    ListConnections(Then<Vec<ConnectionInfo>>),
}

impl Step {
    /// The answer `null`.
    pub fn done() -> Flow {
        Ok(Self::Done(Data::Json(b"null".to_vec())))
    }

    /// The answer that `write` writes as JSON.
    pub fn json(write: impl FnOnce(&mut Vec<u8>)) -> Flow {
        let mut out = Vec::with_capacity(256);
        write(&mut out);
        Ok(Self::Done(Data::Json(out)))
    }

    /// A command in the caller's right.
    pub fn submit(
        context: &Context<'_>,
        command: Command,
        then: impl FnOnce(Reply, &mut Context<'_>) -> Flow + 'static,
    ) -> Flow {
        Ok(Self::Submit(context.actor()?, command, Box::new(then)))
    }

    /// A command in the server's own right, such as registering.
    pub fn submit_as_server(command: Command, then: impl FnOnce(Reply, &mut Context<'_>) -> Flow + 'static) -> Flow {
        Ok(Self::Submit(Actor::Admin, command, Box::new(then)))
    }

    /// A read.
    pub fn query(query: Query, then: impl FnOnce(Answer, &mut Context<'_>) -> Flow + 'static) -> Flow {
        Ok(Self::Query(Box::new(query), Box::new(then)))
    }

    /// Work for the password pool.
    pub fn password(job: PasswordJob, then: impl FnOnce(PasswordResult, &mut Context<'_>) -> Flow + 'static) -> Flow {
        Ok(Self::Password(job, Box::new(then)))
    }
}

/// The end of an operation whose collaborator answered something else than it was asked.
pub fn unexpected() -> Flow {
    Err(Fault::Internal.into())
}
