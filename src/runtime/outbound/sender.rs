//! The thread that decides what is sent when.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Submit;
use super::endpoint::Endpoint;
use super::link::{Finished, Inbox, Link, Test};
use super::log_reader::LogReader;
use super::pool::{Attempt, Job, Pool};
use crate::api::webhook::Occurrence;
use crate::api::webhook::request::{Request, compose};
use crate::api::wire::webhook_event::write_test_result;
use crate::domain::command::{Actor, Command, Submission, Ticket, WebhookUpdate};
use crate::domain::id::{Position, Timestamp};
use crate::domain::rejection::Rejection;
use crate::domain::webhook::{Outcome, Webhook};
use crate::runtime::clock::wall_ms;

/// How often what was delivered is recorded, in one batch for all webhooks. A crash repeats at most so much.
const RECORD_EVERY_MS: Timestamp = 500;

/// The longest sleep; what could end it earlier rings the bell.
const LONGEST_SLEEP_MS: Timestamp = 60_000;

/// The sender's state.
pub struct Sender {
    inbox: Inbox,
    reader: LogReader,
    submit: Submit,
    pool: Pool,
    endpoints: BTreeMap<u64, Endpoint>,
    next_number: u64,
    webhooks_version: Option<u64>,
    presence_serial: u64,
    record_at: Timestamp,
}

impl Sender {
    /// A sender that knows no webhook yet.
    pub fn new(inbox: Inbox, reader: LogReader, submit: Submit, pool: Pool) -> Self {
        Self {
            inbox,
            reader,
            submit,
            pool,
            endpoints: BTreeMap::new(),
            next_number: 0,
            webhooks_version: None,
            presence_serial: 0,
            record_at: 0,
        }
    }

    /// Works until it is stopped.
    pub fn run(mut self) {
        while !self.inbox.is_stopping() {
            let now = wall_ms();
            self.take_results(now);
            self.take_up_changes();
            self.take_presence(now);
            self.run_tests(now);
            let more = self.deliver(now);
            self.record_if_due(now);
            let sleep = if more { 0 } else { self.sleep(now) };
            self.inbox.wait(Duration::from_millis(sleep.unsigned_abs()));
        }
        self.take_results(wall_ms());
        self.record();
    }

    fn take_results(&mut self, now: Timestamp) {
        while let Ok((number, accepted)) = self.inbox.settled.try_recv() {
            if let Some(endpoint) = self.endpoints.get_mut(&number) {
                endpoint.queue.recorded(accepted);
            }
        }
        while let Ok(finished) = self.inbox.finished.try_recv() {
            self.finish(&finished, now);
        }
    }

    fn finish(&mut self, finished: &Finished, now: Timestamp) {
        let Some(endpoint) = self.endpoints.get_mut(&finished.endpoint) else {
            return;
        };
        if finished.positions.is_empty() {
            return endpoint.end_presence();
        }
        let Attempt { outcome, took, .. } = &finished.attempt;
        if let Outcome::Failed { error, gone, .. } = outcome {
            if *gone {
                endpoint.gone = true;
                tracing::warn!(
                    webhook = &*endpoint.webhook.id,
                    "the target is gone (410): switching the webhook off"
                );
            }
            tracing::debug!(webhook = &*endpoint.webhook.id, %error, "a webhook's target did not take an event");
        }
        self.inbox.count(*outcome == Outcome::Delivered);
        endpoint.queue.settle(&finished.positions, outcome, *took, now);
    }

    /// Reads the table again when it has changed: webhooks come, go, change, and dead events come back.
    fn take_up_changes(&mut self) {
        let version = self.inbox.webhooks_version();
        if self.webhooks_version.replace(version) == Some(version) {
            return;
        }
        let mut before = std::mem::take(&mut self.endpoints);
        for webhook in self.reader.webhooks() {
            let number = before
                .iter()
                .find(|(_, endpoint)| endpoint.webhook.id == webhook.id)
                .map(|(number, _)| *number);
            let known = number.and_then(|number| before.remove(&number));
            if webhook.enabled {
                self.take_up(webhook, known);
            }
        }
        self.inbox.follow(!self.endpoints.is_empty());
    }

    fn take_up(&mut self, webhook: Arc<Webhook>, known: Option<Endpoint>) {
        let mut endpoint = match known {
            Some(mut known) if known.continues_as(&webhook) => {
                known.update(webhook);
                known
            }
            _ => {
                self.next_number += 1;
                Endpoint::new(self.next_number, webhook)
            }
        };
        let rows = self.reader.retrying(&endpoint.webhook.id);
        endpoint.restore(rows, &mut self.reader);
        self.endpoints.insert(endpoint.number, endpoint);
    }

    fn take_presence(&mut self, now: Timestamp) {
        while let Ok((user, online)) = self.inbox.presence.try_recv() {
            self.presence_serial += 1;
            let serial = self.presence_serial;
            let occurrence = Occurrence::Presence {
                user,
                online,
                at: now,
                serial,
            };
            self.endpoints
                .values_mut()
                .for_each(|endpoint| endpoint.note_presence(&occurrence));
        }
    }

    fn run_tests(&mut self, now: Timestamp) {
        while let Ok(Test { webhook, reply }) = self.inbox.tests.try_recv() {
            let found = self.reader.webhooks().into_iter().find(|found| found.id == webhook);
            let request =
                found.and_then(|webhook| Some((compose(&webhook, &[Occurrence::Test(now)], now)?.0, webhook)));
            match request {
                None => reply(Err(Rejection::NotFound)),
                Some(_) if !self.pool.has_room(true) => reply(Err(Rejection::Busy)),
                Some((request, webhook)) => self.pool.submit(Job {
                    request,
                    kind: webhook.kind,
                    troubled: true,
                    done: Box::new(|attempt| reply(Ok(test_result(&attempt)))),
                }),
            }
        }
    }

    /// Reads on and sends what is due, every webhook in its turn. Answers whether there is more to do at once.
    fn deliver(&mut self, now: Timestamp) -> bool {
        let head = self.inbox.head();
        let mut more = false;
        for endpoint in self.endpoints.values_mut() {
            more |= endpoint.read_log(&mut self.reader, head, now);
        }
        let read = self
            .endpoints
            .values()
            .map(|endpoint| endpoint.queue.read())
            .min()
            .unwrap_or(head);
        self.inbox.set_lag(head.0.saturating_sub(read.0).max(0).unsigned_abs());
        while self.send_one_each(now) {}
        more
    }

    /// Sends at most one request per webhook; whether any was sent.
    fn send_one_each(&mut self, now: Timestamp) -> bool {
        let mut sent = false;
        for endpoint in self.endpoints.values_mut() {
            let troubled = endpoint.queue.is_troubled();
            if !self.pool.has_room(troubled) {
                continue;
            }
            let next = endpoint
                .next_request(&mut self.reader, now)
                .or_else(|| Some((endpoint.next_presence(now)?, Vec::new())));
            if let Some((request, positions)) = next {
                self.pool.submit(job(&self.inbox.link, endpoint, request, positions));
                sent = true;
            }
        }
        sent
    }

    fn record_if_due(&mut self, now: Timestamp) {
        if now >= self.record_at || self.record_at > now + RECORD_EVERY_MS {
            self.record_at = now + RECORD_EVERY_MS;
            self.record();
        }
    }

    /// Hands to the writer what the store does not know yet.
    fn record(&mut self) {
        let mut submissions = Vec::new();
        let mut recording = Vec::new();
        for (number, endpoint) in &mut self.endpoints {
            if let Some(command) = endpoint.queue.record() {
                recording.push(*number);
                submissions.push(submission(Ticket::WEBHOOKS, *number, command));
            }
            if endpoint.gone {
                submissions.push(submission(Ticket::NOBODY, *number, switch_off(&endpoint.webhook)));
            }
        }
        if submissions.is_empty() || (self.submit)(submissions) {
            return;
        }
        for number in recording {
            if let Some(endpoint) = self.endpoints.get_mut(&number) {
                endpoint.queue.recorded(false);
            }
        }
    }

    /// Milliseconds until there is something to do without the bell. What is due but found no thread waits for
    /// the bell of an attempt that ends.
    fn sleep(&self, now: Timestamp) -> Timestamp {
        let head = self.inbox.head();
        let unrecorded = self
            .endpoints
            .values()
            .any(|endpoint| endpoint.gone || !endpoint.queue.is_recorded());
        let record = unrecorded.then_some(self.record_at);
        let due = self
            .endpoints
            .values()
            .filter_map(|endpoint| endpoint.next_at(head, now));
        let wake = due.filter(|at| *at > now).chain(record).min();
        wake.map_or(LONGEST_SLEEP_MS, |at| (at - now).clamp(0, LONGEST_SLEEP_MS))
    }
}

fn job(link: &Link, endpoint: &Endpoint, request: Request, positions: Vec<Position>) -> Job {
    let (link, number) = (link.clone(), endpoint.number);
    let done = move |attempt| {
        link.finished(Finished {
            endpoint: number,
            positions,
            attempt,
        });
    };
    Job {
        request,
        kind: endpoint.webhook.kind,
        troubled: endpoint.queue.is_troubled(),
        done: Box::new(done),
    }
}

fn submission(asker: u16, number: u64, command: Command) -> Submission {
    Submission {
        actor: Actor::Admin,
        command,
        connection: None,
        ticket: Ticket { asker, number },
    }
}

fn switch_off(webhook: &Webhook) -> Command {
    tracing::warn!(
        webhook = &*webhook.id,
        "the target of a webhook is gone (410): the webhook is switched off"
    );
    Command::UpdateWebhook {
        id: webhook.id.clone(),
        update: WebhookUpdate {
            name: None,
            url: None,
            kind: None,
            events: None,
            secret: None,
            enabled: Some(false),
        },
    }
}

fn test_result(attempt: &Attempt) -> Box<str> {
    let error = match &attempt.outcome {
        Outcome::Delivered => None,
        Outcome::Failed { error, .. } => Some(&**error),
    };
    let mut out = Vec::new();
    write_test_result(attempt.status, attempt.took, error, &mut out);
    String::from_utf8_lossy(&out).into()
}
