//! Which driver the shards run on: io_uring where the kernel lets us, else epoll, and why.
//!
//! monoio itself only asks which operations a ring knows; a ring that cannot be set up as wanted would be
//! a panic. So a ring is set up here once, first with the flags we would like.

use std::fmt;
use std::fs;
use std::io;

use io_uring::{IoUring, Probe, opcode};

/// monoio's own switch, which must be respected here since monoio does.
const FORCE_EPOLL: &str = "MONOIO_FORCE_LEGACY_DRIVER";

/// Entries of a shard's submission queue.
pub const SUBMISSION_ENTRIES: u32 = 1024;

/// Entries of a shard's completion queue: room for thousands of connections that complete at once.
const COMPLETION_ENTRIES: u32 = 16 * 1024;

/// How the shards talk to the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Driver {
    IoUring(Ring),
    Epoll {
        /// Why not io_uring, and how to change it.
        reason: String,
    },
}

/// How a ring is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ring {
    /// Completions are run when the shard asks for them and do not interrupt it (Linux 6.1). Such a ring
    /// belongs to the thread that builds it.
    Deferred,
    /// Completions may interrupt the shard.
    Plain,
}

impl Ring {
    /// The set-up of a shard's ring, for monoio's `uring_builder`.
    pub fn builder(self) -> io_uring::Builder {
        let mut builder = IoUring::builder();
        builder.setup_cqsize(COMPLETION_ENTRIES);
        if self == Self::Deferred {
            builder.setup_single_issuer().setup_defer_taskrun();
        }
        builder
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IoUring(_) => f.write_str("io_uring"),
            Self::Epoll { reason } => write!(f, "epoll ({reason})"),
        }
    }
}

/// Tries what the shards will do.
pub fn probe() -> Driver {
    let forced = std::env::var(FORCE_EPOLL).unwrap_or_default().to_ascii_lowercase();
    if ["1", "true", "yes"].contains(&forced.as_str()) {
        return Driver::Epoll {
            reason: format!("{FORCE_EPOLL} is set"),
        };
    }
    choose(try_ring)
}

fn choose(try_ring: impl Fn(Ring) -> io::Result<()>) -> Driver {
    if try_ring(Ring::Deferred).is_ok() {
        return Driver::IoUring(Ring::Deferred);
    }
    match try_ring(Ring::Plain) {
        Ok(()) => Driver::IoUring(Ring::Plain),
        Err(error) => Driver::Epoll {
            reason: reason(&error, disabled_by_sysctl()),
        },
    }
}

/// Sets a ring up and asks whether it knows every operation monoio uses.
fn try_ring(ring: Ring) -> io::Result<()> {
    const OPERATIONS: [u8; 16] = [
        opcode::Accept::CODE,
        opcode::AsyncCancel::CODE,
        opcode::Close::CODE,
        opcode::Connect::CODE,
        opcode::Fsync::CODE,
        opcode::OpenAt::CODE,
        opcode::PollAdd::CODE,
        opcode::ProvideBuffers::CODE,
        opcode::Read::CODE,
        opcode::Readv::CODE,
        opcode::Recv::CODE,
        opcode::Send::CODE,
        opcode::SendMsg::CODE,
        opcode::RecvMsg::CODE,
        opcode::Timeout::CODE,
        opcode::Write::CODE,
    ];
    let ring: IoUring = ring.builder().build(SUBMISSION_ENTRIES)?;
    let mut known = Probe::new();
    ring.submitter().register_probe(&mut known)?;
    let is_complete = OPERATIONS.iter().all(|operation| known.is_supported(*operation));
    is_complete
        .then_some(())
        .ok_or_else(|| io::Error::from_raw_os_error(libc::ENOSYS))
}

/// Whether `kernel.io_uring_disabled` (Linux 6.6) forbids rings, to some users (1) or all (2).
fn disabled_by_sysctl() -> bool {
    let value = fs::read_to_string("/proc/sys/kernel/io_uring_disabled").unwrap_or_default();
    matches!(value.trim(), "1" | "2")
}

fn reason(error: &io::Error, is_disabled_by_sysctl: bool) -> String {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) if is_disabled_by_sysctl => {
            "io_uring is switched off: sysctl kernel.io_uring_disabled=0".to_owned()
        }
        Some(libc::EPERM | libc::EACCES) => "io_uring is forbidden, as a rule by a container's seccomp profile: \
             allow io_uring_setup, io_uring_enter and io_uring_register, or \
             docker run --security-opt seccomp=unconfined"
            .to_owned(),
        Some(libc::ENOSYS) => "this kernel has no io_uring or one too old: Linux 5.10 or newer has it".to_owned(),
        Some(libc::ENOMEM) => "not enough locked memory for a ring: raise `ulimit -l`".to_owned(),
        _ => format!("io_uring cannot be set up: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing_with(errno: i32) -> impl Fn(Ring) -> io::Result<()> {
        move |_| Err(io::Error::from_raw_os_error(errno))
    }

    #[test]
    fn the_wanted_flags_come_first_then_none_then_epoll() {
        assert_eq!(choose(|_| Ok(())), Driver::IoUring(Ring::Deferred));
        let old = |ring| match ring {
            Ring::Deferred => Err(io::Error::from_raw_os_error(libc::EINVAL)),
            Ring::Plain => Ok(()),
        };
        assert_eq!(choose(old), Driver::IoUring(Ring::Plain));
        assert!(
            choose(failing_with(libc::ENOSYS))
                .to_string()
                .starts_with("epoll (this kernel has no io_uring")
        );
    }

    #[test]
    fn the_reason_tells_a_sysctl_from_a_seccomp_profile() {
        let denied = io::Error::from_raw_os_error(libc::EPERM);
        assert!(reason(&denied, true).contains("sysctl") && !reason(&denied, true).contains("seccomp"));
        assert!(reason(&denied, false).contains("seccomp"));
        assert!(reason(&io::Error::from_raw_os_error(libc::ENOMEM), false).contains("ulimit -l"));
    }

    #[test]
    fn what_the_probe_promises_can_be_built() {
        if let Driver::IoUring(ring) = probe() {
            let built: io::Result<IoUring> = ring.builder().build(SUBMISSION_ENTRIES);
            assert!(built.is_ok());
        }
    }
}
