//! SQLite as a subject of the suite, and what only it promises.

use ringim::store::sqlite::{SqliteBackend, open};
use ringim::store::{Backend, Reader};
use tempfile::TempDir;

use crate::conformance;
use crate::store::Subject;

/// A store in a folder of its own.
pub struct Sqlite {
    folder: TempDir,
    backend: Option<SqliteBackend>,
}

impl Sqlite {
    pub fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let backend = open(folder.path()).expect("an empty folder opens");
        Self {
            folder,
            backend: Some(backend),
        }
    }
}

impl Subject for Sqlite {
    fn backend(&mut self) -> &mut dyn Backend {
        self.backend.as_mut().expect("the store is open")
    }

    fn reader(&mut self) -> Box<dyn Reader> {
        Box::new(
            self.backend
                .as_ref()
                .expect("the store is open")
                .reader()
                .expect("a reader opens"),
        )
    }

    fn reopen(&mut self) -> bool {
        drop(self.backend.take());
        self.backend = Some(open(self.folder.path()).expect("the folder opens again"));
        true
    }
}

#[test]
fn history() {
    conformance::history(Sqlite::new());
}
