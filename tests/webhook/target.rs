//! A target for webhooks: a small HTTP server whose answers the test decides.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    pub at: Instant,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Received {
    pub fn id(&self) -> &str {
        self.headers.get("webhook-id").map_or("", String::as_str)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The text of the message in the event.
    pub fn content(&self) -> String {
        self.json()["data"]["content"].as_str().unwrap_or_default().to_owned()
    }
}

/// What to answer, and after how long.
pub struct Reply {
    pub status: u16,
    pub headers: &'static str,
    pub body: &'static str,
    pub after: Duration,
}

pub fn status(status: u16) -> Reply {
    Reply {
        status,
        headers: "",
        body: "",
        after: Duration::ZERO,
    }
}

type Script = dyn Fn(&Received, usize) -> Reply + Send + Sync;

pub struct Target {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Target {
    /// `script` gets each request and how often its event has arrived before. Ends with the test.
    pub fn start(script: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Script> = Arc::new(script);
        let log = received.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (script, log) = (script.clone(), log.clone());
                std::thread::spawn(move || while serve(&stream, &*script, &log).is_some() {});
            }
        });
        Self { address, received }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Waits for so many requests.
    pub fn wait(&self, count: usize, at_most: Duration) -> Vec<Received> {
        let deadline = Instant::now() + at_most;
        loop {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            assert!(
                Instant::now() < deadline,
                "{} of {count} requests: {received:#?}",
                received.len()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn serve(mut stream: &TcpStream, script: &Script, log: &Mutex<Vec<Received>>) -> Option<()> {
    let received = read(&mut BufReader::new(stream))?;
    let before = {
        let mut log = log.lock().unwrap();
        let before = log.iter().filter(|earlier| earlier.id() == received.id()).count();
        log.push(received.clone());
        before
    };
    let Reply {
        status,
        headers,
        body,
        after,
    } = script(&received, before);
    std::thread::sleep(after);
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )
    .ok()
}

fn read(stream: &mut impl BufRead) -> Option<Received> {
    let mut line = String::new();
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    let length = headers.get("content-length")?.parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).ok()?;
    Some(Received {
        at: Instant::now(),
        headers,
        body,
    })
}
