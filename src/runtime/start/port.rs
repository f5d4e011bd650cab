//! Is the port free? The shards share it by `SO_REUSEPORT`, with which a second server would start without
//! an error and take half of the users; so it is bound once without.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::thread;
use std::time::{Duration, Instant};

use super::StartError;

/// The kernel may keep the listener of a process that is gone for about half a second, while it takes
/// down the process's ring.
const LINGER: Duration = Duration::from_secs(2);

const RETRY: Duration = Duration::from_millis(50);

/// `st` of a listening socket in `/proc/net/tcp`.
const LISTENING: &str = "0A";

/// The address to listen on, its port chosen when it was 0.
pub fn probe(listen: SocketAddr) -> Result<SocketAddr, StartError> {
    let deadline = Instant::now() + LINGER;
    loop {
        let error = match TcpListener::bind(listen).and_then(|listener| listener.local_addr()) {
            Ok(address) => return Ok(address),
            Err(error) => error,
        };
        let owner = owner(listen.port());
        let may_be_lingering = error.kind() == ErrorKind::AddrInUse && owner.is_none();
        if !may_be_lingering || Instant::now() >= deadline {
            return Err(refusal(listen, &error, owner));
        }
        thread::sleep(RETRY);
    }
}

/// A process: its id and its name.
type Process = (u32, String);

fn refusal(listen: SocketAddr, error: &io::Error, owner: Option<Process>) -> StartError {
    let (cause, cure) = match error.kind() {
        ErrorKind::AddrInUse => {
            let owner = owner.map(|(pid, name)| format!("in use by pid {pid} ({name})"));
            let port = listen.port().checked_add(1).unwrap_or(7800);
            let other = SocketAddr::new(listen.ip(), port);
            (
                owner.unwrap_or_else(|| "in use by a process of another user".to_owned()),
                format!("Stop it, or: ringim --listen {other}"),
            )
        }
        ErrorKind::AddrNotAvailable => (
            "this machine has no such address".to_owned(),
            format!("Use one of its own, or 0.0.0.0:{} for all", listen.port()),
        ),
        ErrorKind::PermissionDenied => (
            "this user may not use so low a port".to_owned(),
            "Use a port from 1024 on, or grant CAP_NET_BIND_SERVICE".to_owned(),
        ),
        _ => (error.to_string(), "Choose another address with --listen".to_owned()),
    };
    StartError::new(format!("cannot listen on {listen}: {cause}"), cure)
}

/// The process that listens on a port, when this user may know it.
fn owner(port: u16) -> Option<Process> {
    let inodes: Vec<u64> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .flat_map(|table| listeners(&table, port))
        .collect();
    let processes = fs::read_dir("/proc").ok()?.filter_map(Result::ok);
    let pid = processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .find(|pid| has_socket(*pid, &inodes))?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    Some((pid, name.trim_end().to_owned()))
}

/// Inodes of the sockets that listen on the port, from the text of `/proc/net/tcp` (proc(5)).
fn listeners(table: &str, port: u16) -> Vec<u64> {
    let suffix = format!(":{port:04X}");
    let inode = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (address, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
        let is_listener = address.ends_with(&suffix) && *state == LISTENING;
        is_listener.then(|| inode.parse().ok()).flatten()
    };
    table.lines().filter_map(inode).collect()
}

fn has_socket(pid: u32, inodes: &[u64]) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    descriptors.filter_map(Result::ok).any(|descriptor| {
        let is_socket = || {
            let target = fs::read_link(descriptor.path()).ok()?;
            Some(target.to_str()?.starts_with("socket:"))
        };
        let inode = || fs::metadata(descriptor.path()).ok().map(|metadata| metadata.ino());
        is_socket() == Some(true) && inode().is_some_and(|inode| inodes.contains(&inode))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    #[test]
    fn a_taken_port_names_the_process_even_if_that_shares_its_port() {
        let socket = monoio_like_listener();
        let address = socket.local_addr().expect("bound");
        let text = probe(address).expect_err("taken").to_string();
        let expected = format!("cannot listen on {address}: in use by pid {}", std::process::id());
        assert!(text.contains(&expected) && text.contains("--listen"), "{text}");
        drop(socket);
        assert_eq!(probe(address), Ok(address));
    }

    /// A listener with `SO_REUSEPORT`, as the shards have.
    fn monoio_like_listener() -> TcpListener {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let on: libc::c_int = 1;
        // SAFETY: the descriptor is open, and the option's value is an int of the given size.
        let set = unsafe {
            libc::setsockopt(
                listener.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_REUSEPORT,
                (&raw const on).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            )
        };
        assert_eq!(set, 0);
        listener
    }

    #[test]
    fn port_0_takes_a_free_port() {
        let any = "127.0.0.1:0".parse().expect("an address");
        assert_ne!(probe(any).expect("there are free ports").port(), 0);
    }

    #[test]
    fn a_foreign_address_and_a_low_port_have_their_own_cure() {
        let documentation = "192.0.2.1:7800".parse().expect("an address");
        let text = probe(documentation).expect_err("not ours").to_string();
        assert!(
            text.contains("no such address") && text.contains("0.0.0.0:7800"),
            "{text}"
        );
        let denied = refusal(documentation, &ErrorKind::PermissionDenied.into(), None);
        assert!(denied.cure.contains("CAP_NET_BIND_SERVICE"));
        let hidden = refusal(documentation, &ErrorKind::AddrInUse.into(), None);
        assert!(hidden.problem.contains("another user"));
    }

    #[test]
    fn the_kernel_s_table_is_read_by_port_and_state() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:1E78 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1\n\
             1: 0100007F:1E78 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 4712 1\n\
             2: 0100007F:1E79 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1\n";
        assert_eq!(listeners(table, 7800), [4711]);
    }
}
