//! The table of WebSocket requests (contract section 3). Those that REST has as well are the same operations.
//!
//! `auth` and `ping` are not here: they concern the connection and are answered by the gateway itself.

pub mod ephemeral;
pub mod pull;

use super::rest::{message, session, sync};
use super::step::Operation;

/// One kind of request.
pub struct Request {
    /// `type` of the frame.
    pub kind: &'static str,
    /// What it does.
    pub operation: Operation,
    /// What it is for, in one line.
    pub summary: &'static str,
}

const fn request(kind: &'static str, operation: Operation, summary: &'static str) -> Request {
    Request {
        kind,
        operation,
        summary,
    }
}

/// All of them, the frequent ones first.
pub static REQUESTS: &[Request] = &[
    request("message", message::send, "Sends a message."),
    request("read", message::read, "Everything up to a seq is read."),
    request("received", message::received, "Everything up to a seq has arrived."),
    request("typing", ephemeral::typing, "The user is typing."),
    request("pull", pull::pull, "Messages of one conversation between two seqs."),
    request("sync", sync::sync, "All that concerns the user since a cursor."),
    request("presence", ephemeral::presence, "Whose coming and going to be told of."),
    request("logout", session::logout, "Ends the token, or all of the user's."),
];

/// The operation of a request.
pub fn find(kind: &str) -> Option<Operation> {
    REQUESTS
        .iter()
        .find(|request| request.kind == kind)
        .map(|request| request.operation)
}
