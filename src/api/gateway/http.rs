//! Requests: from bytes to an operation, one at a time per connection.

use std::borrow::Cow;
use std::net::IpAddr;
use std::ops::Range;

use super::Gateway;
use crate::api::connection::{Connection, Exchange, HttpIntake, Live, Phase, Protocol};
use crate::api::context::Caller;
use crate::api::credentials::Credential;
use crate::api::refusal::{Fault, Refusal};
use crate::api::routes::{Access, Found, Route, WEBSOCKET_PATH};
use crate::api::runner::{Asker, Envelope, Parked, Resume};
use crate::api::wire::document::Object;
use crate::api::wire::live::RequestId;
use crate::api::wire::parameters::Parameters;
use crate::auth::key::Scopes;
use crate::base::connection::ConnectionId;
use crate::base::limits;
use crate::config::network::Network;
use crate::proto::http::{Awaiting, Fields, Method, Progress, Request, RequestParser, response, upgrade};

/// The one subprotocol.
const SUBPROTOCOL: &[u8] = b"im.v1.json";

/// Before a token that a browser sends as a subprotocol.
const BEARER_SUBPROTOCOL: &[u8] = b"bearer.";

impl Gateway {
    /// Takes bytes of an HTTP connection; without bytes it goes on with those kept.
    pub(super) fn http_received(&mut self, id: ConnectionId, bytes: &mut [u8]) {
        let Some(http) = self.connections.get(id).and_then(Connection::http) else {
            return;
        };
        if bytes.is_empty() && http.intake.backlog.is_empty() {
            return;
        }
        let HttpIntake {
            mut parser,
            mut backlog,
        } = std::mem::take(&mut http.intake);
        backlog.consume(bytes, |input| (self.serve(id, &mut parser, input), ()));
        let Some(connection) = self.connections.get(id) else {
            return;
        };
        match &mut connection.protocol {
            Protocol::Http(http) => {
                let (awaiting, kept) = (parser.awaiting(), !backlog.is_empty());
                http.intake = HttpIntake { parser, backlog };
                self.await_request(id, awaiting, kept);
            }
            Protocol::Live(_) => {
                let mut rest = backlog.consume(&mut [], |input| (0..0, input.to_vec()));
                self.live_received(id, &mut rest);
            }
            Protocol::Over => {}
        }
    }

    /// Serves the requests at the front of `input`; returns what must be kept.
    fn serve(&mut self, id: ConnectionId, parser: &mut RequestParser, input: &mut [u8]) -> Range<usize> {
        let limits = self.runner.setup.http;
        let mut start = 0;
        while start < input.len() && self.takes_requests(id) {
            match parser.advance(&mut input[start..], &limits) {
                Ok(Progress::Complete(request)) => {
                    let consumed = request.consumed;
                    self.request(id, request);
                    start += consumed;
                }
                Ok(Progress::Incomplete { keep, expects_continue }) => {
                    if expects_continue {
                        self.connections
                            .append(id, |out| out.extend_from_slice(response::CONTINUE));
                    }
                    return start..start + keep;
                }
                Err(fault) => {
                    self.refuse_and_close(id, Fault::Http(fault).into());
                    return 0..0;
                }
            }
        }
        start..input.len()
    }

    /// The next request is looked at when the one before is answered and the answers are being read.
    fn takes_requests(&mut self, id: ConnectionId) -> bool {
        self.connections.get(id).is_some_and(|connection| {
            connection.outbox.waiting() < limits::OUTBOX_EPHEMERAL_BYTES
                && connection.http().is_some_and(|http| http.busy.is_none())
        })
    }

    /// Sets the deadline of what comes next, and reads no further while requests wait.
    fn await_request(&mut self, id: ConnectionId, awaiting: Awaiting, kept: bool) {
        let takes_requests = self.takes_requests(id);
        self.set_paused(id, kept && !takes_requests);
        let deadlines = self.runner.setup.deadlines;
        let Some(http) = self.connections.get(id).and_then(Connection::http) else {
            return;
        };
        let phase = match awaiting {
            _ if http.busy.is_some() => Phase::Busy,
            _ if !takes_requests => http.phase,
            Awaiting::Body => Phase::Body,
            Awaiting::Head if kept => Phase::Head,
            Awaiting::Head => {
                if http.phase == Phase::New {
                    Phase::New
                } else {
                    Phase::Idle
                }
            }
        };
        if std::mem::replace(&mut http.phase, phase) == phase {
            return;
        }
        match phase {
            Phase::Head => self.set_deadline(id, deadlines.head_ms),
            Phase::Body => self.set_deadline(id, deadlines.body_ms),
            Phase::New | Phase::Idle => self.set_deadline(id, deadlines.idle_ms),
            Phase::Busy => self.set_deadline(id, u64::MAX),
        }
    }

    fn request(&mut self, id: ConnectionId, request: Request<'_>) {
        let exchange = Exchange {
            keep_alive: request.keep_alive && !self.draining,
            head_only: request.method == Method::Head,
            allow_origin: self.allowed_origin(&request),
        };
        if let Some(http) = self.connections.get(id).and_then(Connection::http) {
            http.busy = Some(exchange);
        }
        if request.path == WEBSOCKET_PATH {
            return self.open_websocket(id, &request);
        }
        match self.routes.find(request.method, request.path) {
            Found::Route(route, path_id) => {
                if let Err(refusal) = self.call(id, &request, route, path_id) {
                    self.refuse(id, &refusal, &[]);
                }
            }
            Found::OtherMethods(methods) => self.other_method(id, request.method, &methods),
            Found::Nothing => self.refuse(id, &Fault::NotFound.into(), &[]),
        }
    }

    fn other_method(&mut self, id: ConnectionId, method: Method, methods: &[Method]) {
        let allow = allow(methods);
        match method {
            Method::Options => self.respond_options(id, &allow),
            Method::Other => self.refuse(id, &Fault::NotImplemented.into(), &[]),
            _ => self.refuse(id, &Fault::MethodNotAllowed.into(), &[("Allow", &allow)]),
        }
    }

    /// Starts a route's operation, or parks the request until it is known who asks.
    fn call(
        &mut self,
        id: ConnectionId,
        request: &Request<'_>,
        route: &'static Route,
        path_id: Option<Cow<'_, str>>,
    ) -> Result<(), Refusal> {
        if self.draining {
            return Err(Fault::Draining.into());
        }
        if !request.body.is_empty() && request.method == Method::Post {
            require_json(request.fields)?;
        }
        let address = self.client_address(id, request.fields)?;
        let credential = self.credential(id, request.fields, route.access, address)?;
        let asker = Asker {
            connection: id,
            address,
            caller: Caller::Anonymous,
            envelope: Envelope::Http,
        };
        match credential {
            Credential::Known(caller) => {
                let parameters = Parameters {
                    id: path_id,
                    query: request.query,
                };
                self.run_route(Asker { caller, ..asker }, route, &parameters, request.body);
            }
            Credential::Claimed(claim) => {
                let parked = Parked {
                    route,
                    id: path_id.map(|id| id.into()),
                    query: request.query.map(Into::into),
                    body: (&*request.body).into(),
                };
                let command = claim.command();
                if let Some(finished) = self.runner.ask(asker, command, Resume::Parked(claim, Box::new(parked))) {
                    self.answer(finished);
                }
            }
        }
        Ok(())
    }

    /// Runs an operation for a caller who may call the route, or says that he may not.
    pub(super) fn run_route(&mut self, asker: Asker, route: &'static Route, parameters: &Parameters<'_>, body: &[u8]) {
        let connection = asker.connection;
        if let Err(refusal) = check_scope(&asker.caller, route.access) {
            return self.refuse(connection, &refusal, &[]);
        }
        let runner = &mut self.runner;
        let finished = if body.is_empty() {
            Ok(runner.start(asker, route.operation, Object::EMPTY, parameters))
        } else {
            self.buffers
                .read(body, |body| Ok(runner.start(asker, route.operation, body, parameters)))
        };
        match finished {
            Ok(Some(finished)) => self.answer(finished),
            Ok(None) => {}
            Err(refusal) => self.refuse(connection, &refusal, &[]),
        }
    }

    /// What the request presents of what the route asks for.
    fn credential(
        &mut self,
        id: ConnectionId,
        fields: Fields<'_>,
        access: Access,
        address: IpAddr,
    ) -> Result<Credential, Refusal> {
        let nobody = Credential::Known(Caller::Anonymous);
        match access {
            Access::Public => return Ok(nobody),
            Access::LoopbackOrKey(_) if address.is_loopback() && fields.get("x-forwarded-for").is_none() => {
                return Ok(nobody);
            }
            _ => {}
        }
        let http = self.connections.get(id).and_then(Connection::http);
        let last = &mut http.ok_or(Fault::Internal)?.last_presented;
        let presented = last.present(bearer(fields).ok_or(Fault::Unauthenticated)?);
        let setup = &self.runner.setup;
        let key = self.credentials.key(&presented, setup);
        let unauthenticated = Refusal::from(Fault::Unauthenticated);
        match (access, key) {
            (Access::User, Some(_)) => Err(unauthenticated),
            (_, Some(key)) => Ok(key),
            (Access::User | Access::UserOrKey(_), None) => {
                self.credentials.token(&presented, setup, self.runner.now.wall_ms)
            }
            (_, None) => Err(self.runner.wrong_key(address, unauthenticated)),
        }
    }

    fn open_websocket(&mut self, id: ConnectionId, request: &Request<'_>) {
        let accepted = upgrade::check(request).map_err(|fault| Refusal::from(Fault::Upgrade(fault)));
        let opened = accepted.and_then(|accept| match self.draining {
            true => Err(Fault::Draining.into()),
            false => self.client_address(id, request.fields).map(|address| (accept, address)),
        });
        let (accept, address) = match opened {
            Ok(opened) => opened,
            Err(refusal) => return self.refuse_and_close(id, refusal),
        };
        let offered = request
            .fields
            .elements("sec-websocket-protocol")
            .any(|protocol| protocol == SUBPROTOCOL);
        let protocol = if offered {
            std::str::from_utf8(SUBPROTOCOL).ok()
        } else {
            None
        };
        self.connections
            .append(id, |out| upgrade::write_accepted(accept, protocol, out));
        if let Some(connection) = self.connections.get(id) {
            connection.address = address;
            connection.protocol = Protocol::Live(Live::default());
        }
        self.set_paused(id, false);
        match presented_token(request) {
            Some(token) => self.begin_attach(id, &token, RequestId::default()),
            None => self.set_deadline(id, self.runner.setup.deadlines.authenticate_ms),
        }
    }

    /// The socket's address or, behind trusted proxies, the one they name.
    ///
    /// # Errors
    /// `invalid_request` when a trusted proxy names none that can be read.
    fn client_address(&mut self, id: ConnectionId, fields: Fields<'_>) -> Result<IpAddr, Refusal> {
        let socket = self.connections.get(id).ok_or(Fault::Internal)?.address;
        forwarded_address(socket, fields, &self.runner.setup.trusted_proxies)
    }

    /// The value of `Access-Control-Allow-Origin`, when a page may read the response (contract section 2).
    fn allowed_origin(&self, request: &Request<'_>) -> Option<Box<str>> {
        let path = request.path;
        if !path.starts_with("/api/") || path.starts_with("/api/admin/") {
            return None;
        }
        let origin = std::str::from_utf8(request.fields.only("origin")?).ok()?;
        self.runner.setup.cors_origins.allows(origin).then(|| origin.into())
    }
}

fn check_scope(caller: &Caller, access: Access) -> Result<(), Refusal> {
    match (caller, access) {
        (Caller::Key(key), Access::Key(scope) | Access::UserOrKey(scope) | Access::LoopbackOrKey(scope)) => {
            let scopes = Scopes::from_bits(key.scopes);
            if scopes.contains(scope) {
                Ok(())
            } else {
                Err(Fault::ForbiddenScope.into())
            }
        }
        _ => Ok(()),
    }
}

fn allow(methods: &[Method]) -> String {
    let mut names = Vec::new();
    for method in methods {
        match method {
            Method::Get => names.extend(["GET", "HEAD"]),
            Method::Post => names.push("POST"),
            _ => {}
        }
    }
    names.push("OPTIONS");
    names.join(", ")
}

/// `Content-Type: application/json`, with no charset but UTF-8.
fn require_json(fields: Fields<'_>) -> Result<(), Refusal> {
    let unsupported = || Refusal::from(Fault::UnsupportedMediaType);
    let value = fields
        .only("content-type")
        .and_then(|value| std::str::from_utf8(value).ok())
        .ok_or_else(unsupported)?;
    let (media_type, parameters) = value.split_once(';').unwrap_or((value, ""));
    let charset = parameters.trim();
    let is_utf8 = charset.is_empty()
        || charset.split_once('=').is_some_and(|(name, value)| {
            name.trim().eq_ignore_ascii_case("charset") && value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        });
    let is_json = media_type.trim().eq_ignore_ascii_case("application/json");
    if is_json && is_utf8 { Ok(()) } else { Err(unsupported()) }
}

/// The credential of `Authorization: Bearer ...`.
fn bearer(fields: Fields<'_>) -> Option<&str> {
    let value = std::str::from_utf8(fields.only("authorization")?).ok()?;
    let (scheme, credential) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| credential.trim())
}

/// The token of a handshake: by field, by subprotocol, or by query.
fn presented_token<'r>(request: &Request<'r>) -> Option<Cow<'r, str>> {
    if request.fields.get("authorization").is_some() {
        return Some(Cow::Borrowed(bearer(request.fields).unwrap_or_default()));
    }
    let mut protocols = request.fields.elements("sec-websocket-protocol");
    if let Some(token) = protocols.find_map(|protocol| protocol.strip_prefix(BEARER_SUBPROTOCOL)) {
        return Some(String::from_utf8_lossy(token));
    }
    let mut pairs = form_urlencoded::parse(request.query.unwrap_or_default().as_bytes());
    pairs.find(|(name, _)| name == "token").map(|(_, token)| token)
}

/// Walks `X-Forwarded-For` from the nearest proxy outwards, as long as each is trusted.
fn forwarded_address(socket: IpAddr, fields: Fields<'_>, trusted: &[Network]) -> Result<IpAddr, Refusal> {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut address = socket;
    if !is_trusted(address) {
        return Ok(address.to_canonical());
    }
    let hops: Vec<&[u8]> = fields.elements("x-forwarded-for").collect();
    for hop in hops.into_iter().rev() {
        if !is_trusted(address) {
            break;
        }
        let text = std::str::from_utf8(hop).unwrap_or_default();
        address = text
            .parse()
            .map_err(|_| Refusal::field("xForwardedFor", "The proxy must send addresses in `X-Forwarded-For`."))?;
    }
    Ok(address.to_canonical())
}
