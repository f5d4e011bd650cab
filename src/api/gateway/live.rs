//! Frames: from bytes to a request, several under way at once.

use std::ops::Range;
use std::sync::Arc;

use super::Gateway;
use crate::api::connection::{Client, Connection, Identity, LiveIntake};
use crate::api::context::{Caller, Session};
use crate::api::credentials::Credential;
use crate::api::live;
use crate::api::refusal::{Fault, Refusal};
use crate::api::runner::{Asker, Envelope, Finished, Resume, Runner};
use crate::api::wire::document::Object;
use crate::api::wire::live::{Farewell, Hello, RequestId};
use crate::api::wire::parameters::Parameters;
use crate::base::connection::ConnectionId;
use crate::base::limits;
use crate::proto::ws::{CloseReason, Decoder, Message, Opcode, Progress, encode};

/// What a text frame came to.
enum Begun {
    /// A request that has ended at once.
    Finished(Finished),
    /// A request that waits.
    Waits,
    /// `ping`.
    Ping(RequestId),
    /// `auth`.
    Authenticate {
        token: Box<str>,
        client: Client,
        id: RequestId,
    },
    /// Something that is no request.
    Refused(RequestId, Refusal),
}

impl Gateway {
    /// Takes bytes of a WebSocket.
    pub(super) fn live_received(&mut self, id: ConnectionId, bytes: &mut [u8]) {
        if let Some(live) = self.connections.get(id).and_then(Connection::live) {
            live.missed_pings = 0;
            self.take_frames(id, bytes);
        }
    }

    /// Goes on with frames that were kept while too much was under way.
    pub(super) fn live_go_on(&mut self, id: ConnectionId) {
        if self.connections.get(id).is_some_and(|connection| connection.paused) {
            self.take_frames(id, &mut []);
        }
    }

    fn take_frames(&mut self, id: ConnectionId, bytes: &mut [u8]) {
        let max_frame_bytes = self.runner.setup.max_frame_bytes;
        let Some(live) = self.connections.get(id).and_then(Connection::live) else {
            return;
        };
        if bytes.is_empty() && live.intake.is_none() {
            return;
        }
        let kept = live.intake.take();
        let mut intake = kept.map_or_else(|| LiveIntake::new(max_frame_bytes), |kept| *kept);
        let decoder = &mut intake.decoder;
        intake
            .backlog
            .consume(bytes, |input| (self.read_frames(id, decoder, input), ()));
        let kept = !intake.backlog.is_empty();
        let takes_frames = self.takes_frames(id);
        if let Some(live) = self.connections.get(id).and_then(Connection::live) {
            live.intake = (!intake.is_empty()).then(|| Box::new(intake));
            self.set_paused(id, kept && !takes_frames);
        }
    }

    /// Reads the frames at the front of `input`; returns what must be kept.
    fn read_frames(&mut self, id: ConnectionId, decoder: &mut Decoder, input: &mut [u8]) -> Range<usize> {
        let mut start = 0;
        while self.takes_frames(id) {
            match decoder.advance(&mut input[start..]) {
                Ok(Progress::Message { message, consumed }) => {
                    self.message(id, message);
                    start += consumed;
                }
                Ok(Progress::Incomplete { consumed }) => {
                    start += consumed;
                    break;
                }
                Err(fault) => self.close_live(id, fault.close_code(), &fault.to_string()),
            }
        }
        start..input.len()
    }

    /// Frames wait while the token is checked and while too many requests are under way.
    fn takes_frames(&mut self, id: ConnectionId) -> bool {
        self.connections.get(id).and_then(Connection::live).is_some_and(|live| {
            !matches!(live.identity, Identity::Asked) && usize::from(live.in_flight) < limits::REQUESTS_PER_CONNECTION
        })
    }

    fn message(&mut self, id: ConnectionId, message: Message<'_>) {
        match message {
            Message::Text(text) => self.live_request(id, &text),
            Message::Binary(_) => self.close_live(id, 1003, "send text frames"),
            Message::Ping(payload) => {
                let mut frame = Vec::with_capacity(2 + payload.len());
                encode(Opcode::Pong, payload, None, &mut frame);
                self.connections.push(id, &frame);
            }
            Message::Pong(_) => {}
            Message::Close(Some(CloseReason { code, .. })) => self.close_live(id, code, ""),
            Message::Close(None) => {
                self.connections.append(id, |out| encode(Opcode::Close, b"", None, out));
                self.finish(id);
            }
        }
    }

    fn live_request(&mut self, id: ConnectionId, text: &[u8]) {
        let Some(connection) = self.connections.get(id) else {
            return;
        };
        let address = connection.address;
        let Some(live) = connection.live() else { return };
        let caller = live
            .session()
            .map_or(Caller::Anonymous, |session| Caller::User(session.clone()));
        let asker = Asker {
            connection: id,
            address,
            caller,
            envelope: Envelope::Live(RequestId::default()),
        };
        let (runner, draining) = (&mut self.runner, self.draining);
        let begun = self
            .buffers
            .read(text, |frame| Ok(begin(frame, asker, runner, draining)));
        match begun.unwrap_or_else(|refusal| Begun::Refused(RequestId::default(), refusal)) {
            Begun::Waits => self.count_request(id, 1),
            Begun::Finished(finished) => {
                self.count_request(id, 1);
                self.answer(finished);
            }
            Begun::Ping(request) => {
                let pong = self.frames.pong(&request, self.runner.now.wall_ms);
                self.connections.push(id, pong);
            }
            Begun::Authenticate {
                token,
                client,
                id: request,
            } => {
                if let Some(live) = self.connections.get(id).and_then(Connection::live)
                    && client != Client::default()
                {
                    live.client = Some(Box::new(client));
                }
                self.begin_attach(id, &token, request);
            }
            Begun::Refused(request, refusal) => self.refuse_frame(id, &request, &refusal),
        }
    }

    /// Refuses a frame. Before the token has come, that ends the connection (contract section 3).
    fn refuse_frame(&mut self, id: ConnectionId, request: &RequestId, refusal: &Refusal) {
        let is_attached = self
            .connections
            .get(id)
            .and_then(Connection::live)
            .is_some_and(|live| live.session().is_some());
        if is_attached {
            let error = self.frames.error(request, refusal);
            self.connections.push(id, error);
        } else {
            self.refuse_live(id, request, &Fault::Unauthenticated.into());
        }
    }

    /// Counts requests under way, up or down.
    pub(super) fn count_request(&mut self, id: ConnectionId, change: i16) {
        if let Some(live) = self.connections.get(id).and_then(Connection::live) {
            live.in_flight = live.in_flight.saturating_add_signed(change);
        }
    }

    /// Checks the token of a WebSocket; it attaches when the writer has confirmed it.
    pub(super) fn begin_attach(&mut self, id: ConnectionId, token: &str, request: RequestId) {
        let (setup, now_ms) = (&self.runner.setup, self.runner.now.wall_ms);
        match self.credentials.token(&token.into(), setup, now_ms) {
            Ok(Credential::Known(Caller::User(session))) => self.attach(id, session, &request),
            Ok(Credential::Known(_)) => self.refuse_live(id, &request, &Fault::Unauthenticated.into()),
            Ok(Credential::Claimed(claim)) => {
                let Some(connection) = self.connections.get(id) else {
                    return;
                };
                let address = connection.address;
                let Some(live) = connection.live() else { return };
                live.identity = Identity::Asked;
                let asker = Asker {
                    connection: id,
                    address,
                    caller: Caller::Anonymous,
                    envelope: Envelope::Live(request),
                };
                let command = claim.command();
                if let Some(finished) = self.runner.ask(asker, command, Resume::Attach(claim)) {
                    self.refuse_live(
                        id,
                        &RequestId::default(),
                        &finished.outcome.err().unwrap_or_else(|| Fault::Busy.into()),
                    );
                }
            }
            Err(refusal) => self.refuse_live(id, &request, &refusal),
        }
    }

    /// The WebSocket is a session of this user from here on: every later event of the log is pushed to it.
    pub(super) fn attach(&mut self, id: ConnectionId, session: Arc<Session>, request: &RequestId) {
        let now = self.runner.now;
        let Some(live) = self.connections.get(id).and_then(Connection::live) else {
            return;
        };
        live.identity = Identity::Attached(session.clone());
        live.attached_at = now.wall_ms;
        let user = &session.user;
        if self.sessions.attach(user.key, id) {
            self.announce(user.key, &user.id, true);
        }
        let setup = &self.runner.setup;
        let hello = self.frames.hello(
            request,
            &Hello {
                user_id: user.id.as_str(),
                connection_id: id.to_string(),
                epoch: &setup.epoch,
                server_time: now.wall_ms,
                ping_ms: setup.deadlines.ping_ms,
                max_frame: setup.max_frame_bytes,
            },
        );
        self.connections.push(id, hello);
        self.set_deadline(id, first_ping_ms(id, self.runner.setup.deadlines.ping_ms));
        self.leave_when_idle(id);
    }

    /// The token is none: says so and closes, so that browsers see the reason.
    pub(super) fn refuse_live(&mut self, id: ConnectionId, request: &RequestId, refusal: &Refusal) {
        let error = self.frames.error(request, refusal);
        self.connections.append(id, |out| out.extend_from_slice(error));
        let farewell = match refusal.fault {
            Fault::Busy | Fault::StorageFull | Fault::Draining => Farewell::Restart,
            Fault::Banned => Farewell::Banned,
            _ => Farewell::Token,
        };
        self.close_live(id, farewell.code(), farewell.reason());
    }
}

/// When a session is pinged first: spread over the time between two pings, so that sessions that began together,
/// such as after a restart, are not pinged together for ever after.
fn first_ping_ms(id: ConnectionId, ping_ms: u64) -> u64 {
    // The golden ratio spreads neighbouring slots evenly.
    let share = u64::from(id.slot.wrapping_mul(0x9E37_79B9));
    ping_ms - ((ping_ms * share) >> 32)
}

/// Reads a text frame and begins what it asks for.
fn begin(frame: Object<'_>, asker: Asker, runner: &mut Runner, draining: bool) -> Begun {
    let id = match request_id(frame) {
        Ok(request) => RequestId { request, message: None },
        Err(refusal) => return Begun::Refused(RequestId::default(), refusal),
    };
    let is_stranger = asker.caller == Caller::Anonymous;
    match (frame.opt_str("type"), frame.opt_object("data")) {
        (Ok(Some("auth")), Ok(data)) if is_stranger => match authentication(data.unwrap_or(Object::EMPTY), &id) {
            Ok(begun) => begun,
            Err(refusal) => Begun::Refused(id, refusal),
        },
        _ if is_stranger => Begun::Refused(id, Fault::Unauthenticated.into()),
        (Ok(Some("ping")), _) => Begun::Ping(id),
        (Ok(Some(kind)), Ok(data)) => operate(kind, data.unwrap_or(Object::EMPTY), id, asker, runner, draining),
        (Ok(None), _) => Begun::Refused(id, Fault::UnknownType.into()),
        (Err(refusal), _) | (_, Err(refusal)) => Begun::Refused(id, refusal),
    }
}

fn operate(
    kind: &str,
    data: Object<'_>,
    mut id: RequestId,
    asker: Asker,
    runner: &mut Runner,
    draining: bool,
) -> Begun {
    if kind == "message" {
        id.message = data
            .raw("id")
            .filter(|text| text.len() <= limits::REQUEST_ID_BYTES)
            .map(Into::into);
    }
    let Some(operation) = live::find(kind) else {
        return Begun::Refused(id, Fault::UnknownType.into());
    };
    if draining {
        return Begun::Refused(id, Fault::Draining.into());
    }
    let asker = Asker {
        envelope: Envelope::Live(id),
        ..asker
    };
    match runner.start(asker, operation, data, &Parameters::default()) {
        Some(finished) => Begun::Finished(finished),
        None => Begun::Waits,
    }
}

fn authentication(data: Object<'_>, id: &RequestId) -> Result<Begun, Refusal> {
    Ok(Begun::Authenticate {
        token: data.str("token")?.into(),
        client: Client {
            device: data.opt_str("deviceId")?.map(shortened),
            platform: data.opt_str("platform")?.map(shortened),
        },
        id: id.clone(),
    })
}

/// What a client says of itself is kept for the life of the session, hence short.
fn shortened(text: &str) -> Box<str> {
    text[..text.floor_char_boundary(64)].into()
}

/// `reqId` as it was written: a string or a number.
fn request_id(frame: Object<'_>) -> Result<Option<Box<str>>, Refusal> {
    let Some(text) = frame.raw("reqId") else {
        return Ok(None);
    };
    let is_scalar = text.starts_with(|first: char| first == '"' || first == '-' || first.is_ascii_digit());
    if is_scalar && text.len() <= limits::REQUEST_ID_BYTES {
        Ok(Some(text.into()))
    } else {
        Err(Refusal::field(
            "reqId",
            "`reqId` is a string or a number of at most 256 bytes.",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_pings_are_spread() {
        let mut per_second = [0; 26];
        for slot in 0..2_500 {
            let id = ConnectionId {
                shard: 0,
                generation: 0,
                slot,
            };
            let in_ms = first_ping_ms(id, 25_000);
            assert!((1..=25_000).contains(&in_ms), "{in_ms}");
            per_second[in_ms as usize / 1000] += 1;
        }
        assert!(
            per_second[..25].iter().all(|count| (90..=110).contains(count)),
            "{per_second:?}"
        );
    }
}
