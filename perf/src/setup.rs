//! What a running server says about itself: nothing here is assumed.

use std::net::SocketAddr;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use crate::error::Result;
use crate::load::client::{Client, Transport};
use crate::report::Report;
use crate::server::Server;

/// How long the greeting may take.
const GREETING_TIMEOUT: Duration = Duration::from_secs(10);

/// The user who is greeted.
const OBSERVER: &str = "observer";

/// What is not told.
const UNTOLD: &str = "not told";

/// What figures depend on and a server chooses.
pub struct Setup {
    /// What its sockets are driven by and by how many shards, as it says when it starts (contract section 6).
    driver: String,
    /// What an ack promises, as `hello` says (contract section 3).
    durability: String,
    /// The journal of the database, as the database says.
    journal: String,
}

impl Setup {
    /// Asks a server that runs, as a user of its own.
    pub fn of(server: &Server) -> Result<Self> {
        let tokens = server.create_users(&[OBSERVER.to_owned()])?;
        let hello = greeting(server.address(), &tokens.concat())?;
        let durability = hello["data"]["durability"].as_str().unwrap_or(UNTOLD);
        Ok(Self {
            driver: announced(&server.log(), "driver"),
            durability: durability.to_owned(),
            journal: journal(server).unwrap_or_else(|_| "none".to_owned()),
        })
    }

    /// Notes it.
    pub fn note(&self, report: &mut Report) {
        report.parameter("driver", self.driver.as_str());
        report.parameter("durability", self.durability.as_str());
        report.parameter("journal", self.journal.as_str());
    }
}

/// The `hello` frame of a connection that is closed again.
fn greeting(address: SocketAddr, token: &str) -> Result<Value> {
    let mut client = Client::open(address, 0, Transport::WebSocket, token)?;
    client.socket.set_nonblocking(false)?;
    client.socket.set_read_timeout(Some(GREETING_TIMEOUT))?;
    client.flush()?;
    let mut buffer = vec![0; 16 * 1024];
    let mut hello = None;
    while hello.is_none() {
        let received = client.receive(&mut buffer, |frame| {
            hello.get_or_insert_with(|| serde_json::from_slice(frame));
        });
        received.map_err(|error| format!("no greeting: {error}"))?;
    }
    Ok(hello.transpose()?.unwrap_or_default())
}

/// The value of a line `  name  value` of what the server prints when it starts.
fn announced(log: &str, name: &str) -> String {
    let values = log.lines().filter_map(|line| line.trim_start().strip_prefix(name));
    let mut values = values.filter(|value| value.starts_with(' '));
    values.next().map_or(UNTOLD, str::trim).to_owned()
}

fn journal(server: &Server) -> Result<String> {
    let connection = Connection::open_with_flags(server.database(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    Ok(connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use tungstenite::Message;

    use super::*;

    #[test]
    fn the_driver_is_what_the_server_announces() {
        let log =
            "RingIM 0.1.0 on http://127.0.0.1:1\n  data     /tmp/driver\n  driver   epoll (no io_uring), 1 shard\n";
        assert_eq!(announced(log, "driver"), "epoll (no io_uring), 1 shard");
        assert_eq!(announced("drivers are here\n", "driver"), UNTOLD);
    }

    #[test]
    fn a_greeting_is_read_from_an_independent_server() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let mut socket = tungstenite::accept(listener.accept().unwrap().0).unwrap();
            let hello = r#"{"type":"hello","data":{"durability":"full"}}"#;
            socket.send(Message::text(hello)).unwrap();
            let _ = socket.read();
        });
        assert_eq!(greeting(address, "token").unwrap()["data"]["durability"], "full");
        server.join().unwrap();
    }
}
