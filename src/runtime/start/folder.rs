//! The data folder: made when absent, refused when the server could not write in it.

use std::ffi::CString;
use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use super::StartError;

/// Owner everything, group read: other programs of the group may open `im.db`.
const MODE: u32 = 0o750;

/// The folder as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Whether it was made just now.
    pub is_new: bool,
    /// What the operator should know about it.
    pub advice: Option<String>,
}

/// Makes the folder, or checks that an existing one can be written in. An existing one keeps its mode: it
/// may be shared on purpose, or hold other things.
pub fn prepare(path: &Path) -> Result<Prepared, StartError> {
    let is_new = !path.exists();
    let prepared = if is_new { create(path) } else { check(path) };
    let mode = prepared.map_err(|error| refusal(path, &error))?;
    let advice = (mode & 0o007 != 0).then(|| {
        let path = path.display();
        format!("every user of this machine can look into {path}: chmod 750 {path}")
    });
    Ok(Prepared { is_new, advice })
}

fn create(path: &Path) -> io::Result<u32> {
    DirBuilder::new().recursive(true).mode(MODE).create(path)?;
    // The process's umask may have taken bits away.
    fs::set_permissions(path, Permissions::from_mode(MODE))?;
    Ok(MODE)
}

/// The folder's mode, when files can be made in it.
fn check(path: &Path) -> io::Result<u32> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_dir() {
        return Err(ErrorKind::NotADirectory.into());
    }
    let name = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: `name` is a valid string that outlives the call.
    match unsafe { libc::access(name.as_ptr(), libc::W_OK | libc::X_OK) } {
        0 => Ok(metadata.permissions().mode()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn refusal(path: &Path, error: &io::Error) -> StartError {
    let (cause, cure) = match error.kind() {
        ErrorKind::ReadOnlyFilesystem => (
            "the file system is read-only".to_owned(),
            "Mount it writable, or choose another folder with --data",
        ),
        ErrorKind::PermissionDenied => (
            "this user may not write there".to_owned(),
            "Give the folder to the user that runs the server (chown), or choose another with --data",
        ),
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            ("it is not a folder".to_owned(), "Choose another path with --data")
        }
        ErrorKind::StorageFull => (
            "the disk is full".to_owned(),
            "Make room, or choose another folder with --data",
        ),
        _ => (error.to_string(), "Choose another folder with --data"),
    };
    StartError::new(format!("cannot use the data folder {}: {cause}", path.display()), cure)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it exists").permissions().mode() & 0o777
    }

    #[test]
    fn an_absent_folder_is_made_for_its_owner_and_group() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let path = parent.path().join("a/data");
        assert_eq!(
            prepare(&path),
            Ok(Prepared {
                is_new: true,
                advice: None
            })
        );
        assert_eq!(mode(&path), 0o750);
        assert_eq!(
            prepare(&path),
            Ok(Prepared {
                is_new: false,
                advice: None
            })
        );
    }

    #[test]
    fn an_existing_folder_keeps_its_mode_and_gets_advice() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("ours");
        let prepared = prepare(folder.path()).expect("it is writable");
        assert!(prepared.advice.expect("others may read").contains("chmod 750"));
        assert_eq!(mode(folder.path()), 0o755);
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        for path in [file.path().to_owned(), file.path().join("below")] {
            let text = prepare(&path).expect_err("no folder").to_string();
            assert!(text.contains("not a folder") && text.contains("--data"), "{text}");
        }
    }

    #[test]
    fn a_read_only_file_system_and_a_foreign_folder_have_their_own_cure() {
        let text = |kind: ErrorKind| refusal(Path::new("/srv/im"), &kind.into()).to_string();
        assert!(text(ErrorKind::ReadOnlyFilesystem).contains("/srv/im: the file system is read-only. Mount"));
        assert!(text(ErrorKind::PermissionDenied).contains("chown"));
        assert!(text(ErrorKind::StorageFull).contains("full"));
    }
}
