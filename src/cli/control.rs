//! Where the requests of a sub-command go: to the server that works on the data folder, or to one in this process.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::exchange::{decode, encode};
use super::failure::Failure;
use super::in_process::InProcess;
use super::request::Request;
use crate::base::limits::PAGE_ITEMS_MAX;
use crate::config::Config;
use crate::runtime::start::lock::{DataLock, Holder, LockError, Server};

/// How long a server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// Somebody who answers requests of the admin API.
pub enum Control {
    /// The server that works on the folder.
    Live(Server),
    /// A gateway in this process.
    InProcess(Box<InProcess>),
}

/// Who works on a data folder.
pub enum Folder {
    /// A server.
    Served(Server),
    /// Nobody else, as long as this is kept.
    Ours(DataLock),
}

impl Folder {
    /// Asks the lock file.
    pub fn claim(config: &Config) -> Result<Self, Failure> {
        match DataLock::acquire(&config.data) {
            Ok(lock) => Ok(Self::Ours(lock)),
            Err(LockError::Held(Holder {
                server: Some(server), ..
            })) => Ok(Self::Served(server)),
            Err(error) => Err(error.refusal(&config.data).into()),
        }
    }
}

/// A wrong `--data` must not make a new, empty server's folder.
pub fn require_data(config: &Config) -> Result<(), Failure> {
    if config.data.join("im.db").exists() {
        return Ok(());
    }
    let folder = config.data.display();
    Err(Failure::new(
        format!("there are no data of a server in {folder}"),
        "Name the server's folder with --data, or start the server once, which makes it",
    ))
}

impl Control {
    /// Finds who answers for the data folder.
    pub fn find(config: &Config) -> Result<Self, Failure> {
        require_data(config)?;
        Ok(match Folder::claim(config)? {
            Folder::Served(server) => Self::Live(server),
            Folder::Ours(lock) => Self::InProcess(Box::new(InProcess::open(config, lock)?)),
        })
    }

    /// The `data` of the answer.
    pub fn ask(&mut self, request: &Request) -> Result<Value, Failure> {
        self.exchange(request, "")
    }

    /// The items of all pages, as one page.
    pub fn ask_every_page(&mut self, request: &Request) -> Result<Value, Failure> {
        let mut items = Vec::new();
        let mut query = format!("?limit={PAGE_ITEMS_MAX}");
        loop {
            let mut page = self.exchange(request, &query)?;
            if let Value::Array(more) = page["items"].take() {
                items.extend(more);
            }
            let Some(cursor) = page["nextCursor"].as_str() else {
                return Ok(json!({"items": items, "nextCursor": null}));
            };
            query = format!("?limit={PAGE_ITEMS_MAX}&cursor={cursor}");
        }
    }

    fn exchange(&mut self, request: &Request, query: &str) -> Result<Value, Failure> {
        let answer = match self {
            Self::Live(server) => {
                let request = encode(request, query, &server.control_key);
                converse(server, &request).map_err(|error| {
                    Failure::new(
                        format!("the server on {} does not answer: {error}", server.listen),
                        "See its log; if it hangs, stop it and try again",
                    )
                })?
            }
            Self::InProcess(server) => {
                let request = encode(request, query, server.control_key());
                server.answer(request)?
            }
        };
        decode(&answer)
    }
}

/// Sends the request and reads until the server closes the connection.
fn converse(server: &Server, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&server.address(), CONNECT)?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}
