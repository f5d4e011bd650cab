//! The server without sockets and threads: one gateway, and what it asks for done on the spot. So a sub-command
//! follows the same rules whether a server runs or not.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::failure::Failure;
use crate::api::gateway::Gateway;
use crate::api::port::{Accepted, Input, Output, Service};
use crate::auth::key::NewKey;
use crate::base::connection::ConnectionId;
use crate::base::secret::Secret;
use crate::config::Config;
use crate::runtime::clock::{Clock, wall_ms};
use crate::runtime::start::lock::DataLock;
use crate::runtime::{passwords, random, serve};
use crate::store::committer::Committer;
use crate::store::sqlite::{SqliteBackend, SqliteReader};
use crate::store::{QueryFault, Reader, StoreError};

/// A server of this process alone.
pub struct InProcess {
    gateway: Gateway,
    committer: Committer<SqliteBackend>,
    reader: SqliteReader,
    clock: Clock,
    control_key: Secret<String>,
    _lock: DataLock,
}

impl InProcess {
    /// Opens the store of a folder whose lock is held.
    pub fn open(config: &Config, lock: DataLock) -> Result<Self, Failure> {
        let serve::Store {
            committer,
            readers: [reader, ..],
            epoch,
            ..
        } = serve::open_store(config)?;
        let control_key = NewKey::generate(&mut random::fill);
        let setup = serve::setup(config, 1, epoch, control_key.digest)?;
        Ok(Self {
            gateway: Gateway::new(0, Arc::new(setup), Box::new(random::fill)),
            committer,
            reader,
            clock: Clock::start(),
            control_key: control_key.text,
            _lock: lock,
        })
    }

    /// An API key with all scopes that this server accepts.
    pub fn control_key(&self) -> &Secret<String> {
        &self.control_key
    }

    /// The answer to one request that asks to close the connection.
    pub fn answer(&mut self, mut request: Vec<u8>) -> Result<Vec<u8>, Failure> {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let accepted = self.gateway.accept(self.clock.now(), Accepted { address });
        let connection = accepted.expect("a gateway without connections takes one");
        self.handle(Input::Received {
            connection,
            bytes: &mut request,
        });
        let mut written = Vec::new();
        while let Some(output) = self.gateway.poll_output() {
            self.perform(output, &mut written)?;
        }
        self.hang_up(connection);
        Ok(written)
    }

    fn hang_up(&mut self, connection: ConnectionId) {
        self.handle(Input::Closed(connection));
        while self.gateway.poll_output().is_some() {}
    }

    fn handle(&mut self, input: Input<'_>) {
        self.gateway.handle(self.clock.now(), input);
    }

    /// Does what the threads of the runtime do.
    fn perform(&mut self, output: Output, written: &mut Vec<u8>) -> Result<(), Failure> {
        match output {
            Output::Flush { connection, bytes, .. } => {
                written.extend(bytes);
                self.handle(Input::Flushed(connection));
            }
            Output::Submit(submission) => {
                let batch = self.committer.commit(&[submission], wall_ms()).map_err(unusable)?;
                self.handle(Input::Committed(Arc::new(batch)));
            }
            Output::Query(ticket, query) => {
                let answer = match self.reader.answer(&query) {
                    Ok(answer) => Ok(answer),
                    Err(QueryFault::Rejected(rejection)) => Err(rejection),
                    Err(QueryFault::Store(error)) => return Err(unusable(error)),
                };
                self.handle(Input::Answered(ticket, Box::new(answer)));
            }
            Output::Password(ticket, job) => {
                let result = passwords::perform(job);
                self.handle(Input::PasswordDone(ticket, result));
            }
            Output::Operation(..) => {
                let cure = "Start it, then try again";
                return Err(Failure::new("only a running server can do this", cure));
            }
            Output::Close(_) | Output::Pause(_) | Output::Resume(_) | Output::Peer(..) | Output::Presence(..) => {}
        }
        Ok(())
    }
}

fn unusable(error: StoreError) -> Failure {
    Failure::new(error, "See what `ringim check` says about the data folder")
}
