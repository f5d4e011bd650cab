//! Outcomes of steps: the operation goes on, or its end is answered.

use super::Gateway;
use crate::api::connection::Connection;
use crate::api::context::Caller;
use crate::api::credentials::Claim;
use crate::api::port::PasswordResult;
use crate::api::refusal::{Fault, Refusal};
use crate::api::runner::{Asker, Envelope, Finished, Parked, Resume, Waiting};
use crate::api::step::{Data, unexpected};
use crate::api::wire::live::RequestId;
use crate::api::wire::parameters::Parameters;
use crate::domain::command::Reply;
use crate::domain::query::Answer;
use crate::domain::rejection::Rejection;
use crate::shard::peer::ConnectionInfo;

impl Gateway {
    /// The writer has answered.
    pub(super) fn settled(&mut self, ticket: u64, result: Result<Reply, Rejection>) {
        let Some(Waiting { asker, resume }) = self.runner.tickets.take(ticket) else {
            return;
        };
        match (resume, result) {
            (Resume::Reply(then), Ok(reply)) => {
                let finished = self.runner.resume(asker, |context| then(reply, context));
                self.end(finished);
            }
            (Resume::Parked(claim, parked), result) => self.unpark(asker, claim, &parked, result),
            (Resume::Attach(claim), result) => self.unask(asker, claim, result),
            (_, Ok(_)) => self.end_unexpectedly(asker),
            (_, Err(rejection)) => self.end_with(asker, Err(rejection.into())),
        }
    }

    /// A reader has answered.
    pub(super) fn answered(&mut self, ticket: u64, result: Result<Answer, Rejection>) {
        self.step(ticket, result, |resume| match resume {
            Resume::Answer(then) => Some(then),
            _ => None,
        });
    }

    /// The password pool has answered.
    pub(super) fn password_done(&mut self, ticket: u64, result: PasswordResult) {
        let result = match result {
            PasswordResult::Busy => Err(Rejection::Busy),
            result => Ok(result),
        };
        self.step(ticket, result, |resume| match resume {
            Resume::Password(then) => Some(then),
            _ => None,
        });
    }

    /// A collaborator has answered.
    pub(super) fn collaborated(&mut self, ticket: u64, result: Result<Box<str>, Rejection>) {
        self.step(ticket, result, |resume| match resume {
            Resume::Text(then) => Some(then),
            _ => None,
        });
    }

    /// The connections of all shards are there.
    pub(super) fn gathered(&mut self, ticket: u64, connections: Vec<ConnectionInfo>) {
        self.step(ticket, Ok(connections), |resume| match resume {
            Resume::Connections(then) => Some(then),
            _ => None,
        });
    }

    fn step<T>(
        &mut self,
        ticket: u64,
        result: Result<T, Rejection>,
        expected: impl FnOnce(Resume) -> Option<crate::api::step::Then<T>>,
    ) {
        let Some(Waiting { asker, resume }) = self.runner.tickets.take(ticket) else {
            return;
        };
        match (expected(resume), result) {
            (Some(then), Ok(outcome)) => {
                let finished = self.runner.resume(asker, |context| then(outcome, context));
                self.end(finished);
            }
            (_, Err(rejection)) => self.end_with(asker, Err(rejection.into())),
            (None, Ok(_)) => self.end_unexpectedly(asker),
        }
    }

    fn end_unexpectedly(&mut self, asker: Asker) {
        let finished = self.runner.resume(asker, |_| unexpected());
        self.end(finished);
    }

    fn end_with(&mut self, asker: Asker, outcome: Result<Data, Refusal>) {
        let finished = self.runner.finish(asker, outcome);
        self.end(Some(finished));
    }

    /// Answers what has ended, and goes on with what waited behind it.
    fn end(&mut self, finished: Option<Finished>) {
        let Some(finished) = finished else { return };
        let id = finished.asker.connection;
        self.answer(finished);
        self.go_on(id);
    }

    /// It is known who made the request, or that nobody did.
    fn unpark(&mut self, asker: Asker, claim: Claim, parked: &Parked, result: Result<Reply, Rejection>) {
        let id = asker.connection;
        let is_key = matches!(claim, Claim::Key(_));
        let caller = result
            .map_err(Refusal::from)
            .and_then(|reply| self.credentials.confirm(claim, reply));
        match caller {
            Ok(caller) => {
                let parameters = Parameters {
                    id: parked.id.as_deref().map(Into::into),
                    query: parked.query.as_deref(),
                };
                self.run_route(Asker { caller, ..asker }, parked.route, &parameters, &parked.body);
            }
            Err(refusal) if is_key && refusal.status() == 401 => {
                let refusal = self.runner.wrong_key(asker.address, refusal);
                self.refuse(id, &refusal, &[]);
            }
            Err(refusal) => self.refuse(id, &refusal, &[]),
        }
        self.go_on(id);
    }

    /// It is known whose WebSocket it is, or that it is nobody's.
    fn unask(&mut self, asker: Asker, claim: Claim, result: Result<Reply, Rejection>) {
        let id = asker.connection;
        let request = match asker.envelope {
            Envelope::Live(request) => request,
            Envelope::Http => RequestId::default(),
        };
        let caller = result
            .map_err(Refusal::from)
            .and_then(|reply| self.credentials.confirm(claim, reply));
        match caller {
            Ok(Caller::User(session)) => self.attach(id, session, &request),
            Ok(_) => self.refuse_live(id, &request, &Fault::Unauthenticated.into()),
            Err(refusal) => self.refuse_live(id, &request, &refusal),
        }
        self.go_on(id);
    }

    /// Writes an outcome in the form the caller waits for.
    pub(super) fn answer(&mut self, finished: Finished) {
        let Finished {
            asker,
            outcome,
            signals,
        } = finished;
        let id = asker.connection;
        match &asker.envelope {
            Envelope::Http => self.respond(id, outcome),
            Envelope::Live(request) => {
                let frame = match &outcome {
                    Ok(Data::Json(data)) => self.frames.ack(request, data),
                    Ok(Data::Page { .. }) => self.frames.ack(request, b"null"),
                    Err(refusal) => self.frames.error(request, refusal),
                };
                if self.connections.get(id).and_then(Connection::live).is_some() {
                    self.connections.push(id, frame);
                    self.count_request(id, -1);
                }
            }
        }
        for signal in signals {
            self.signal(&asker, signal);
        }
        self.leave_when_idle(id);
    }
}
