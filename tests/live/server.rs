//! One server process of the test: started on a fresh data folder, always ended by the test that started it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::client::Api;

/// The admin key every test server is given.
pub const ADMIN_KEY: &str = "live-test-admin-key-0123456789abcdef0123456789";

/// Held by each test while it runs: the tests measure times and memory, so they take turns.
static MACHINE: Mutex<()> = Mutex::new(());

/// A data folder and the address of whatever server runs on it.
pub struct Home {
    _turn: Option<MutexGuard<'static, ()>>,
    _folder: tempfile::TempDir,
    data: PathBuf,
    pub address: SocketAddr,
    flags: Vec<String>,
    wrapper: Vec<String>,
}

impl Home {
    /// Waits for its turn on the machine.
    pub fn new(flags: &[&str]) -> Self {
        let turn = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
        Self::make(flags, Some(turn))
    }

    /// Another one within the same test.
    pub fn neighbour(&self) -> Self {
        Self::make(&[], None)
    }

    fn make(flags: &[&str], turn: Option<MutexGuard<'static, ()>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        Self {
            _turn: turn,
            _folder: folder,
            data,
            address: free_address(),
            flags: owned(flags),
            wrapper: Vec::new(),
        }
    }

    /// Starts further servers under another program, such as a tracer that leaves them its process id.
    pub fn under(&mut self, wrapper: &[&str]) {
        self.wrapper = owned(wrapper);
    }

    /// A file beside the data folder.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.data.with_file_name(name)
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    pub fn database(&self) -> PathBuf {
        self.data.join("im.db")
    }

    /// A command of the program on this data folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringim"));
        command.args(arguments).arg("--data").arg(&self.data);
        command
    }

    /// Starts a server and waits until it is ready.
    pub fn start(&self) -> Server<'_> {
        let mut command = match self.wrapper.split_first() {
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command
                    .args(arguments)
                    .arg(env!("CARGO_BIN_EXE_ringim"))
                    .arg("serve")
                    .arg("--data")
                    .arg(&self.data);
                command
            }
            None => self.command(&["serve"]),
        };
        command.arg("--listen").arg(self.address.to_string()).args(&self.flags);
        command.env("RINGIM_ADMIN_KEY", ADMIN_KEY);
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.data.with_extension("log"))
            .unwrap();
        command
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .stdin(Stdio::null());
        let server = Server {
            child: Some(command.spawn().unwrap()),
            home: self,
        };
        server.wait_until_ready();
        server
    }

    /// What all servers on this folder have printed.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data.with_extension("log")).unwrap_or_default()
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| word.to_string()).collect()
}

fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
}

/// A running server; killed when dropped.
pub struct Server<'a> {
    child: Option<Child>,
    home: &'a Home,
}

impl Server<'_> {
    pub fn api(&self) -> Api {
        Api::new(self.home.address)
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    fn wait_until_ready(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.api().is_ready() {
            assert!(
                Instant::now() < deadline,
                "the server does not get ready:\n{}",
                self.home.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends the process at once, as a power cut of the process would.
    pub fn kill(mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Asks for an orderly end and waits for it.
    pub fn terminate(self, patience: Duration) -> ExitStatus {
        let sent = unsafe { libc::kill(self.pid() as i32, libc::SIGTERM) };
        assert_eq!(sent, 0);
        self.wait(patience)
    }

    /// Waits until the process has ended by itself.
    pub fn wait(mut self, patience: Duration) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            if Instant::now() > deadline {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("the server did not end within {patience:?}:\n{}", self.home.log());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}
