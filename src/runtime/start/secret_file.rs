//! Files only their owner may read: `jwt.secret`, `admin.key`.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::StartError;
use crate::auth::Random;
use crate::auth::token::MIN_SECRET_BYTES;
use crate::base::secret::Secret;

const JWT_SECRET: &str = "jwt.secret";

const MODE: u32 = 0o600;

/// The secret of the data folder that signs user tokens; made at the first start.
pub fn jwt_secret(folder: &Path, random: &mut Random<'_>) -> Result<Secret<String>, StartError> {
    let path = folder.join(JWT_SECRET);
    let failed = |error: io::Error| {
        StartError::new(
            format!("cannot use {}: {error}", path.display()),
            "See to it that the user that runs the server may read and write it",
        )
    };
    let text = match fs::read_to_string(&path) {
        Ok(text) => {
            fs::set_permissions(&path, Permissions::from_mode(MODE)).map_err(failed)?;
            text.trim_end().to_owned()
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let mut bytes = [0; MIN_SECRET_BYTES];
            random(&mut bytes);
            let text = URL_SAFE_NO_PAD.encode(bytes);
            write(&path, &text).map_err(failed)?;
            text
        }
        Err(error) => return Err(failed(error)),
    };
    if text.len() < MIN_SECRET_BYTES {
        return Err(StartError::new(
            format!("{} holds less than {MIN_SECRET_BYTES} characters", path.display()),
            "Delete the file to have a new one made; all users must then log in again",
        ));
    }
    Ok(Secret::new(text))
}

/// Writes the file whole or not at all, also when the machine stops, readable by its owner only.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let temporary = path.with_added_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(MODE)
        .open(&temporary)?;
    // A left-over file keeps its mode when it is opened again.
    file.set_permissions(Permissions::from_mode(MODE))?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::test_random;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it exists").permissions().mode() & 0o777
    }

    #[test]
    fn the_secret_is_made_once_and_kept() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut random = test_random();
        let first = jwt_secret(folder.path(), &mut random).expect("made");
        let second = jwt_secret(folder.path(), &mut random).expect("read");
        assert_eq!(first, second);
        assert_eq!(first.expose().len(), 43);
        assert_eq!(
            fs::read_dir(folder.path()).expect("readable").count(),
            1,
            "no left-overs"
        );
    }

    #[test]
    fn only_the_owner_reads_it_even_if_it_was_copied_carelessly() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(JWT_SECRET);
        jwt_secret(folder.path(), &mut test_random()).expect("made");
        assert_eq!(mode(&path), 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("ours");
        jwt_secret(folder.path(), &mut test_random()).expect("read");
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn a_short_or_unreadable_secret_stops_the_start() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(JWT_SECRET);
        fs::write(&path, "short\n").expect("written");
        let text = jwt_secret(folder.path(), &mut test_random())
            .expect_err("short")
            .to_string();
        assert!(
            text.contains("jwt.secret holds less than 32") && !text.contains("short\n"),
            "{text}"
        );
        fs::remove_file(&path).expect("removed");
        fs::create_dir(&path).expect("a folder in its place");
        assert!(jwt_secret(folder.path(), &mut test_random()).is_err());
    }

    #[test]
    fn writing_replaces_the_whole_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("admin.key");
        write(&path, "a long first text").expect("written");
        write(&path, "second").expect("written again");
        assert_eq!(fs::read_to_string(&path).expect("readable"), "second\n");
        assert_eq!(mode(&path), 0o600);
    }
}
