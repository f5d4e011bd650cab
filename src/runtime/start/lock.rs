//! `ringim.lock`: one process at a time works on a data folder, and others learn who it is.
//!
//! The lock is the kernel's (`flock`), so it ends with the process however that ends. The file's text, for
//! its owner's eyes only, names the process, where it listens, and a key it accepts from the command line.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::StartError;
use crate::base::secret::Secret;

const FILE_NAME: &str = "ringim.lock";

/// How long to wait for a holder that is no server: a sub-command is soon done, a start soon told.
const PATIENCE: Duration = Duration::from_secs(5);

const RETRY: Duration = Duration::from_millis(20);

/// The right to work on a data folder, until dropped.
#[derive(Debug)]
pub struct DataLock {
    file: File,
}

/// Why a data folder cannot be had.
#[derive(Debug)]
pub enum LockError {
    /// Another process works on it.
    Held(Holder),
    /// The lock file cannot be used.
    Io(PathBuf, io::Error),
}

/// The process that holds a data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub pid: u32,
    /// The server it is; none while it starts, or for a sub-command.
    pub server: Option<Server>,
}

/// A running server, as its command line finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Where it listens.
    pub listen: SocketAddr,
    /// An API key with all scopes, valid while this process lives.
    pub control_key: Secret<String>,
}

impl Server {
    /// Where to connect: a server on all interfaces is reached by loopback.
    pub fn address(&self) -> SocketAddr {
        let ip = match self.listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        SocketAddr::new(ip, self.listen.port())
    }
}

/// The text of the lock file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LockText {
    pid: u32,
    listen: Option<SocketAddr>,
    control_key: Option<String>,
}

impl DataLock {
    /// Takes the folder. When a server holds it, says so at once; a holder that is none is waited for.
    pub fn acquire(folder: &Path) -> Result<Self, LockError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match Self::try_acquire(folder) {
                Err(LockError::Held(holder)) if holder.server.is_none() && Instant::now() < deadline => {
                    std::thread::sleep(RETRY);
                }
                outcome => return outcome,
            }
        }
    }

    fn try_acquire(folder: &Path) -> Result<Self, LockError> {
        let path = folder.join(FILE_NAME);
        let io = |error| LockError::Io(path.clone(), error);
        let mut options = OpenOptions::new();
        let open = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path);
        let mut file = open.map_err(io)?;
        match file.try_lock() {
            Ok(()) => {
                let mut lock = Self { file };
                lock.write(None).map_err(io)?;
                Ok(lock)
            }
            Err(TryLockError::WouldBlock) => Err(LockError::Held(read(&mut file).map_err(io)?)),
            Err(TryLockError::Error(error)) => Err(io(error)),
        }
    }

    /// Tells the command line where the server listens, and which key it accepts.
    pub fn publish(&mut self, server: &Server) -> io::Result<()> {
        self.write(Some(server))
    }

    fn write(&mut self, server: Option<&Server>) -> io::Result<()> {
        let text = serde_json::to_vec(&LockText {
            pid: std::process::id(),
            listen: server.map(|server| server.listen),
            control_key: server.map(|server| server.control_key.expose().clone()),
        })?;
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(&text)
    }
}

/// Who holds the lock. A text not yet written, or half, is a holder that is still starting.
fn read(file: &mut File) -> io::Result<Holder> {
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let unknown = LockText {
        pid: 0,
        listen: None,
        control_key: None,
    };
    let text: LockText = serde_json::from_str(&text).unwrap_or(unknown);
    let server = text.listen.zip(text.control_key);
    Ok(Holder {
        pid: text.pid,
        server: server.map(|(listen, key)| Server {
            listen,
            control_key: Secret::new(key),
        }),
    })
}

impl LockError {
    /// The refusal to start on this folder.
    pub fn refusal(&self, folder: &Path) -> StartError {
        let folder = folder.display();
        match self {
            Self::Held(Holder {
                pid,
                server: Some(server),
            }) => StartError::new(
                format!(
                    "the data folder {folder} is in use by pid {pid}, which listens on {}",
                    server.listen
                ),
                "Stop it first, or choose another folder with --data",
            ),
            Self::Held(Holder { pid, server: None }) => StartError::new(
                format!("the data folder {folder} is in use by pid {pid}"),
                "Wait until it is done, or choose another folder with --data",
            ),
            Self::Io(path, error) => StartError::new(
                format!("cannot use the lock file {}: {error}", path.display()),
                "See to it that the user that runs the server may write it",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn server() -> Server {
        Server {
            listen: "0.0.0.0:7800".parse().expect("an address"),
            control_key: Secret::new("rk_control".to_owned()),
        }
    }

    #[test]
    fn a_second_process_learns_who_serves_the_folder() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut lock = DataLock::acquire(folder.path()).expect("nobody holds it");
        lock.publish(&server()).expect("written");
        let asked = Instant::now();
        let error = DataLock::acquire(folder.path()).expect_err("held");
        assert!(asked.elapsed() < PATIENCE, "a server is not waited for");
        let LockError::Held(holder) = &error else {
            panic!("{error:?}")
        };
        assert_eq!(
            *holder,
            Holder {
                pid: std::process::id(),
                server: Some(server())
            }
        );
        let text = error.refusal(folder.path()).to_string();
        let process = format!("in use by pid {}, which listens on 0.0.0.0:7800", std::process::id());
        assert!(text.contains(&process) && !text.contains("rk_control"), "{text}");
    }

    #[test]
    fn the_lock_ends_with_its_holder_and_forgets_the_last_server() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut lock = DataLock::acquire(folder.path()).expect("nobody holds it");
        lock.publish(&server()).expect("written");
        drop(lock);
        let _lock = DataLock::acquire(folder.path()).expect("free again");
        let Err(LockError::Held(holder)) = DataLock::try_acquire(folder.path()) else {
            panic!("held")
        };
        assert_eq!(holder.server, None);
    }

    #[test]
    fn a_holder_that_is_no_server_is_waited_for() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let lock = DataLock::acquire(folder.path()).expect("nobody holds it");
        let release = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            drop(lock);
        });
        assert!(DataLock::acquire(folder.path()).is_ok());
        release.join().expect("it only sleeps");
    }

    #[test]
    fn only_the_owner_reads_the_lock_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let _lock = DataLock::acquire(folder.path()).expect("nobody holds it");
        let metadata = std::fs::metadata(folder.path().join(FILE_NAME)).expect("it exists");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_server_on_all_interfaces_is_reached_by_loopback() {
        assert_eq!(server().address().to_string(), "127.0.0.1:7800");
        let listen = "[::]:1".parse().expect("an address");
        assert_eq!(Server { listen, ..server() }.address().to_string(), "[::1]:1");
    }

    #[test]
    fn a_folder_that_is_absent_is_an_error_with_its_path() {
        let error = DataLock::acquire(Path::new("/nonexistent")).expect_err("absent");
        assert!(
            error
                .refusal(Path::new("/nonexistent"))
                .to_string()
                .contains("/nonexistent/ringim.lock")
        );
    }
}
