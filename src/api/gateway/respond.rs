//! HTTP responses: envelope, status, fields.

use std::time::{Duration, UNIX_EPOCH};

use super::Gateway;
use crate::api::connection::{Connection, Exchange, Phase};
use crate::api::refusal::{Fault, Refusal};
use crate::api::step::Data;
use crate::api::wire::json::Members;
use crate::base::connection::ConnectionId;
use crate::proto::http::Response;

const JSON: &str = "application/json; charset=utf-8";

/// The `Date` field, written anew each second.
#[derive(Default)]
pub struct Date {
    second: i64,
    text: String,
}

impl Date {
    fn at(&mut self, wall_ms: i64) -> &[u8] {
        let second = wall_ms.div_euclid(1000);
        if self.second != second || self.text.is_empty() {
            self.second = second;
            self.text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(u64::try_from(second).unwrap_or(0)));
        }
        self.text.as_bytes()
    }
}

/// A response without what the connection knows of the request.
struct Answer<'a> {
    status: u16,
    content_type: Option<&'a str>,
    fields: &'a [(&'a str, &'a str)],
    body: &'a [&'a [u8]],
}

impl Gateway {
    /// Answers the request that the connection is busy with.
    pub(super) fn respond(&mut self, id: ConnectionId, outcome: Result<Data, Refusal>) {
        match outcome {
            // Written around the data in place: a body of its own would be one more copy of every answer.
            Ok(Data::Json(data)) => self.write_ok(id, JSON, &[br#"{"code":200,"message":"ok","data":"#, &data, b"}"]),
            Ok(Data::Page { content_type, body }) => self.write_ok(id, content_type, &[&body]),
            Err(refusal) => self.refuse(id, &refusal, &[]),
        }
    }

    fn write_ok(&mut self, id: ConnectionId, content_type: &str, body: &[&[u8]]) {
        let answer = Answer {
            status: 200,
            content_type: Some(content_type),
            fields: NO_STORE,
            body,
        };
        self.write_response(id, &answer);
    }

    /// Refuses the request that the connection is busy with. `fields` say how to do better.
    pub(super) fn refuse(&mut self, id: ConnectionId, refusal: &Refusal, fields: &[(&str, &str)]) {
        let request_id = self.runner.new_request_id();
        let mut body = Vec::with_capacity(256);
        Members::begin(&mut body)
            .value("code", refusal.status())
            .value("error", refusal.slug())
            .value("message", refusal.sentence())
            .value("requestId", &request_id)
            .end();
        let retry_after = refusal.retry_after_seconds().map(|seconds| seconds.to_string());
        let mut all = vec![("Cache-Control", "no-store"), ("X-Request-Id", &request_id)];
        all.extend_from_slice(fields);
        all.extend(retry_after.as_deref().map(|seconds| ("Retry-After", seconds)));
        if refusal.status() == 401 {
            all.push(("WWW-Authenticate", "Bearer"));
        }
        self.write_response(
            id,
            &Answer {
                status: refusal.status(),
                content_type: Some(JSON),
                fields: &all,
                body: &[&body],
            },
        );
    }

    /// Refuses what is no request at all, and ends the connection, since where the next one begins is unknown.
    pub(super) fn refuse_and_close(&mut self, id: ConnectionId, refusal: Refusal) {
        if let Some(http) = self.connections.get(id).and_then(Connection::http) {
            http.busy = Some(Exchange {
                keep_alive: false,
                head_only: false,
                allow_origin: None,
            });
            let fields: &[_] = if let Fault::Upgrade(fault) = refusal.fault {
                fault.fields()
            } else {
                &[]
            };
            self.refuse(id, &refusal, fields);
        }
    }

    /// Says which methods a path has, to a browser as well.
    pub(super) fn respond_options(&mut self, id: ConnectionId, allow: &str) {
        let fields = [
            ("Allow", allow),
            ("Access-Control-Allow-Methods", allow),
            ("Access-Control-Allow-Headers", "Authorization, Content-Type"),
            ("Access-Control-Max-Age", "86400"),
        ];
        let readable = self
            .connections
            .get(id)
            .and_then(Connection::http)
            .and_then(|http| http.busy.as_ref());
        let readable = readable.is_some_and(|exchange| exchange.allow_origin.is_some());
        let fields = if readable { &fields[..] } else { &fields[..1] };
        self.write_response(
            id,
            &Answer {
                status: 204,
                content_type: None,
                fields,
                body: &[],
            },
        );
    }

    fn write_response(&mut self, id: ConnectionId, answer: &Answer<'_>) {
        let Some(http) = self.connections.get(id).and_then(Connection::http) else {
            return;
        };
        let Some(exchange) = http.busy.take() else { return };
        http.phase = Phase::Idle;
        let readable = exchange
            .allow_origin
            .as_deref()
            .map(|origin| [("Access-Control-Allow-Origin", origin), ("Vary", "Origin")]);
        let response = Response {
            status: answer.status,
            content_type: answer.content_type,
            fields: &[answer.fields, readable.as_ref().map_or(&[], |fields| fields)],
            body: answer.body,
            keep_alive: exchange.keep_alive,
            head_only: exchange.head_only,
        };
        let date = self.date.at(self.runner.now.wall_ms);
        self.connections.append(id, |out| response.write(date, out));
        if exchange.keep_alive {
            self.set_deadline(id, self.runner.setup.deadlines.idle_ms);
        } else {
            self.finish(id);
        }
    }
}

/// Answers hold tokens and private data.
const NO_STORE: &[(&str, &str)] = &[("Cache-Control", "no-store")];
