//! The first admin key: made with the data folder, left in `admin.key` for the operator.

use std::path::{Path, PathBuf};

use super::clock::wall_ms;
use super::random;
use super::start::StartError;
use super::start::secret_file;
use crate::auth::key::{NewKey, Scopes, listing_prefix};
use crate::base::secret::Secret;
use crate::domain::command::{Actor, ApiKey, Command, Submission, Ticket};
use crate::domain::query::{Answer, Query};
use crate::store::committer::Committer;
use crate::store::{Backend, QueryFault, Reader};

const FILE: &str = "admin.key";

/// A key made at this start.
pub struct FirstKey {
    /// Where it was written.
    pub path: PathBuf,
    /// The key itself.
    pub text: Secret<String>,
}

/// Makes the first key when the store has none and the folder has no `admin.key`, whose key may have been revoked
/// on purpose.
pub fn make<B: Backend>(
    folder: &Path,
    committer: &mut Committer<B>,
    reader: &mut impl Reader,
) -> Result<Option<FirstKey>, StartError> {
    let path = folder.join(FILE);
    if path.exists() || has_keys(reader)? {
        return Ok(None);
    }
    let key = NewKey::generate(&mut random::fill);
    store(&key, committer)?;
    secret_file::write(&path, key.text.expose()).map_err(|error| {
        let problem = format!("cannot write {}: {error}", path.display());
        StartError::new(problem, "Make room or grant the right, then: ringim key create")
    })?;
    Ok(Some(FirstKey { path, text: key.text }))
}

fn has_keys(reader: &mut impl Reader) -> Result<bool, StartError> {
    match reader.answer(&Query::ApiKeys) {
        Ok(Answer::ApiKeys(keys)) => Ok(!keys.is_empty()),
        Ok(_) | Err(QueryFault::Rejected(_)) => Ok(true),
        Err(QueryFault::Store(fault)) => Err(unusable(&fault)),
    }
}

fn store<B: Backend>(key: &NewKey, committer: &mut Committer<B>) -> Result<(), StartError> {
    let stored = ApiKey {
        id: key.id.as_str().into(),
        name: "first key".into(),
        prefix: listing_prefix(&key.id).into(),
        digest: *key.digest.as_bytes(),
        scopes: Scopes::all().bits(),
        created_at: wall_ms(),
    };
    let submission = Submission {
        actor: Actor::Admin,
        command: Command::CreateKey(stored),
        connection: None,
        ticket: Ticket {
            asker: Ticket::NOBODY,
            number: 0,
        },
    };
    let batch = committer
        .commit(&[submission], wall_ms())
        .map_err(|fault| unusable(&fault))?;
    match batch.settlements.first().map(|settlement| &settlement.result) {
        Some(Ok(_)) => Ok(()),
        _ => Err(StartError::new(
            "the first admin key cannot be stored",
            "Make room on the disk of the data folder",
        )),
    }
}

fn unusable(fault: &crate::store::StoreError) -> StartError {
    StartError::new(fault.to_string(), "See what `ringim check` says about the data folder")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::key::KeyDigest;
    use crate::store::sqlite;

    #[test]
    fn the_first_key_is_made_once_and_is_the_stored_one() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let backend = sqlite::open(folder.path()).expect("a store");
        let mut reader = backend.reader().expect("a reader");
        let mut committer = Committer::new(backend, 10).expect("facts");
        let first = make(folder.path(), &mut committer, &mut reader)
            .expect("made")
            .expect("the first start");
        let text = std::fs::read_to_string(&first.path).expect("written");
        assert_eq!(text.trim_end(), first.text.expose());
        let Ok(Answer::ApiKeys(keys)) = reader.answer(&Query::ApiKeys) else {
            panic!("keys can be listed")
        };
        assert_eq!(
            KeyDigest::from_bytes(keys[0].digest),
            KeyDigest::of(first.text.expose())
        );

        assert!(
            make(folder.path(), &mut committer, &mut reader)
                .expect("not made")
                .is_none()
        );
        std::fs::remove_file(&first.path).expect("ours");
        let again = make(folder.path(), &mut committer, &mut reader).expect("not made");
        assert!(again.is_none(), "there is a key, so a lost file makes no second one");
    }
}
