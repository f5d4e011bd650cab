//! How much room the data folder has left.

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Below this the operator is warned.
pub const LOW_BYTES: u64 = 1 << 30;

/// Bytes that this user may still write on the file system of the path.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let name = CString::new(path.as_os_str().as_bytes())?;
    let mut answer = MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: `name` is a valid string and `answer` a valid place.
    if unsafe { libc::statvfs(name.as_ptr(), answer.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so it has filled `answer`.
    let answer = unsafe { answer.assume_init() };
    Ok(answer.f_bavail.saturating_mul(answer.f_frsize))
}

/// What to tell the operator about the room left.
pub fn advice(free_bytes: u64) -> Option<String> {
    (free_bytes < LOW_BYTES).then(|| {
        let mebibytes = free_bytes >> 20;
        format!(
            "only {mebibytes} MiB are free on the disk of the data folder: without room messages are \
             refused (storage_full)"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_room_and_an_absent_path_has_an_error() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert!(free_bytes(folder.path()).expect("it exists") > 0);
        assert!(free_bytes(Path::new("/nonexistent")).is_err());
    }

    #[test]
    fn little_room_gets_advice() {
        assert!(advice(LOW_BYTES - 1).expect("low").contains("1023 MiB"));
        assert_eq!(advice(LOW_BYTES), None);
    }
}
