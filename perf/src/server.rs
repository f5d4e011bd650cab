//! The server under measurement: its process, its data folder and its admin API.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::error::Result;
use crate::options::ServerOptions;
use crate::report::Faults;

/// A key of all scopes, valid for every server of the bench.
pub const ADMIN_KEY: &str = "ringim-perf-admin-key-0123456789abcdef";

/// Items of one bulk request (contract section 2).
const BULK_ITEMS: usize = 1000;

const START_TIMEOUT: Duration = Duration::from_secs(15);
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// A running server; killed when dropped.
pub struct Server {
    process: Process,
    address: SocketAddr,
    folder: TempDir,
    agent: ureq::Agent,
}

/// A child process; killed when dropped.
struct Process(Child);

/// What a server tells of its commits.
pub struct Commits {
    /// Messages of one, on average.
    pub messages: f64,
    /// Milliseconds that the longest took.
    pub longest_ms: f64,
}

/// The data folder of a server that has stopped; deleted when dropped.
pub struct Stopped {
    folder: TempDir,
    status: ExitStatus,
}

impl Server {
    /// Starts the server and waits until its writer commits.
    pub fn start(options: &ServerOptions) -> Result<Self> {
        let folder = TempDir::with_prefix_in("ringim-perf-", &options.data_under)?;
        let address = free_address()?;
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(60)))
            .http_status_as_error(false);
        let mut server = Self {
            process: spawn(options, &folder, address)?,
            address,
            folder,
            agent: config.build().into(),
        };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// Ends the server by `signal` and starts it again on the same address and folder; returns how long it took from
    /// its start until its writer commits.
    pub fn restart(&mut self, options: &ServerOptions, signal: Signal) -> Result<Duration> {
        let status = self.end(signal)?;
        if signal == Signal::TERM && !status.success() {
            return Err(format!("the server ended with {status} after SIGTERM").into());
        }
        let started = Instant::now();
        self.process = spawn(options, &self.folder, self.address)?;
        self.wait_until_ready()?;
        Ok(started.elapsed())
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let started = Instant::now();
        loop {
            if self.answers("/readyz") {
                return Ok(());
            }
            if self.process.0.try_wait()?.is_some() || started.elapsed() > START_TIMEOUT {
                return Err(format!("the server did not get ready:\n{}", self.log()).into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether it says that it lives.
    pub fn is_healthy(&self) -> bool {
        self.answers("/healthz")
    }

    fn answers(&self, path: &str) -> bool {
        let url = format!("http://{}{path}", self.address);
        self.agent
            .get(url)
            .call()
            .is_ok_and(|response| response.status() == 200)
    }

    /// What it has printed so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default()
    }

    /// The database of messages.
    pub fn database(&self) -> PathBuf {
        database_in(&self.folder)
    }

    /// Its commits since the start, where it tells of them.
    pub fn commits(&self) -> Option<Commits> {
        let url = format!("http://{}/metrics", self.address);
        let metrics = self.agent.get(url).call().ok()?.body_mut().read_to_string().ok()?;
        let sample = |name| sample(&metrics, name);
        Some(Commits {
            messages: sample("ringim_messages_total")? / sample("ringim_commits_total")?,
            longest_ms: sample("ringim_commit_microseconds{quantile=\"1\"}")? / 1e3,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.0.id()
    }

    /// Creates the users and returns a token for each.
    pub fn create_users(&self, names: &[String]) -> Result<Vec<String>> {
        for names in names.chunks(BULK_ITEMS) {
            let users: Vec<Value> = names.iter().map(|name| json!({"id": name, "username": name})).collect();
            let imported = self.post("/api/admin/user/import", &json!({ "users": users }))?;
            if let Some(refused) = items(&imported)?.iter().find(|item| item["ok"] != true) {
                return Err(format!("a user was not imported: {refused}").into());
            }
        }
        self.new_tokens(names)
    }

    /// A new token for each of these users.
    pub fn new_tokens(&self, names: &[String]) -> Result<Vec<String>> {
        let mut tokens = Vec::with_capacity(names.len());
        for names in names.chunks(BULK_ITEMS) {
            let minted = self.post("/api/admin/user/token", &json!({ "userIds": names }))?;
            for item in items(&minted)? {
                tokens.push(item["token"].as_str().ok_or("a token is missing")?.to_owned());
            }
        }
        Ok(tokens)
    }

    /// Creates a group of these members; the first owns it.
    pub fn create_group(&self, id: &str, members: &[String]) -> Result<()> {
        let [owner, others @ ..] = members else {
            return Err("a group needs an owner".into());
        };
        let (first, rest) = others.split_at(others.len().min(BULK_ITEMS));
        let group = json!({"id": id, "name": id, "creatorId": owner, "memberIds": first});
        self.post("/api/admin/group/create", &group)?;
        for members in rest.chunks(BULK_ITEMS) {
            self.post(
                "/api/admin/group/add-members",
                &json!({"groupId": id, "memberIds": members}),
            )?;
        }
        Ok(())
    }

    /// Sends an admin request and returns `data` of the answer.
    fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let mut response = self
            .agent
            .post(format!("http://{}{path}", self.address))
            .header("Authorization", format!("Bearer {ADMIN_KEY}"))
            .send_json(body)?;
        let status = response.status();
        let mut answer: Value = response.body_mut().with_config().limit(16 << 20).read_json()?;
        if status != 200 {
            return Err(format!("{path}: {status} {answer}").into());
        }
        Ok(answer["data"].take())
    }

    /// Stops it by SIGTERM and waits for its end.
    pub fn stop(mut self) -> Result<Stopped> {
        let status = self.end(Signal::TERM)?;
        Ok(Stopped {
            folder: self.folder,
            status,
        })
    }

    fn end(&mut self, signal: Signal) -> Result<ExitStatus> {
        let pid = i32::try_from(self.pid())
            .ok()
            .and_then(Pid::from_raw)
            .ok_or("not a process id")?;
        kill_process(pid, signal)?;
        let started = Instant::now();
        loop {
            if let Some(status) = self.process.0.try_wait()? {
                return Ok(status);
            }
            if started.elapsed() > STOP_TIMEOUT {
                return Err("the server did not stop".into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has already ended is none of our business any more.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Stopped {
    /// The database of messages.
    pub fn database(&self) -> PathBuf {
        database_in(&self.folder)
    }

    /// How it ended, where that must not happen.
    pub fn faults(&self) -> Faults {
        Faults {
            failed_stops: u64::from(!self.status.success()),
            ..Faults::default()
        }
    }
}

fn database_in(folder: &TempDir) -> PathBuf {
    folder.path().join("data/im.db")
}

/// Starts the program; what it says goes to the end of the log in `folder`.
fn spawn(options: &ServerOptions, folder: &TempDir, address: SocketAddr) -> Result<Process> {
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.path().join("server.log"))?;
    let child = Command::new(&options.server)
        .args(["serve", "--listen", &address.to_string(), "--data"])
        .arg(folder.path().join("data"))
        .args(&options.arguments)
        .env("RINGIM_ADMIN_KEY", ADMIN_KEY)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .map_err(|error| format!("cannot start {}: {error}", options.server.display()))?;
    Ok(Process(child))
}

/// A value in Prometheus text.
fn sample(metrics: &str, name: &str) -> Option<f64> {
    let values = metrics
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    values.filter_map(|value| value.parse().ok()).next()
}

fn items(data: &Value) -> Result<&Vec<Value>> {
    Ok(data["items"].as_array().ok_or("the answer has no items")?)
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_told_from_others_of_the_same_beginning() {
        let metrics = "# TYPE ringim_commits_total counter\nringim_commits_total_more 7\nringim_commits_total 4\n";
        assert_eq!(sample(metrics, "ringim_commits_total"), Some(4.0));
        assert_eq!(sample(metrics, "ringim_commits"), None);
    }
}
