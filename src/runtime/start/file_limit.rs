//! Every connection needs a file descriptor; the soft limit of 1,024 that most systems set is for programs
//! that use `select`.

use std::io;

use libc::{RLIMIT_NOFILE, rlim_t, rlimit};

/// More than this gains nothing, and hard limits can be in the billions.
const ENOUGH: rlim_t = 1 << 20;

/// Below this the operator is told.
const FEW: rlim_t = 16_384;

/// Raises the limit of open files as far as allowed and of use; returns it.
pub fn raise() -> io::Result<u64> {
    let mut limit = rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is a valid place for the answer.
    if unsafe { libc::getrlimit(RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let wanted = limit.rlim_max.min(ENOUGH);
    if limit.rlim_cur < wanted {
        limit.rlim_cur = wanted;
        // SAFETY: `limit` is valid, and no higher than the hard limit.
        if unsafe { libc::setrlimit(RLIMIT_NOFILE, &raw const limit) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(limit.rlim_cur)
}

/// What to tell the operator about a limit.
pub fn advice(limit: u64) -> Option<String> {
    (limit < FEW).then(|| {
        format!(
            "at most {limit} files can be open, which bounds the number of connections: raise the hard limit \
             (LimitNOFILE= of systemd, --ulimit nofile= of docker, or `ulimit -Hn`)"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_and_stays() {
        let raised = raise().expect("allowed up to the hard limit");
        let mut limit = rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        // SAFETY: `limit` is a valid place for the answer.
        assert_eq!(unsafe { libc::getrlimit(RLIMIT_NOFILE, &raw mut limit) }, 0);
        assert_eq!(limit.rlim_cur, raised);
        assert!(raised >= limit.rlim_max.min(ENOUGH));
        assert_eq!(raise().expect("nothing left to do"), raised);
    }

    #[test]
    fn a_low_limit_gets_advice() {
        assert!(advice(1024).expect("low").contains("1024"));
        assert_eq!(advice(ENOUGH), None);
    }
}
