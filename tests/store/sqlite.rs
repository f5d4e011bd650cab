//! SQLite as a subject of the suite, and what only it promises.

use std::path::Path;

use ringim::store::sqlite::{Sizes, SqliteBackend, open_with};
use ringim::store::{Backend, Reader};
use tempfile::TempDir;

use crate::conformance;
use crate::store::Subject;

/// So small that a few hundred messages see merges of several levels.
pub const SMALL: Sizes = Sizes {
    run: 7,
    flush: 20,
    fan_in: 3,
};

/// A store in a folder of its own.
pub struct Sqlite {
    folder: TempDir,
    backend: Option<SqliteBackend>,
}

impl Sqlite {
    pub fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let backend = open_with(folder.path(), SMALL).expect("an empty folder opens");
        Self {
            folder,
            backend: Some(backend),
        }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn close(&mut self) {
        drop(self.backend.take());
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
        self.close();
        self.backend = Some(open_with(self.folder.path(), SMALL).expect("the folder opens again"));
        true
    }
}

#[test]
fn agrees_with_the_model() {
    for seed in 1..=4 {
        conformance::agrees_with_the_model(Sqlite::new(), seed, 100);
    }
}

#[test]
fn sync_misses_nothing() {
    for seed in 1..=5 {
        conformance::sync_misses_nothing(Sqlite::new(), seed);
        conformance::sync_misses_nothing(conformance::Model::new(), seed);
    }
}

#[test]
fn pages_have_few_bytes() {
    conformance::pages_have_few_bytes(Sqlite::new());
    conformance::pages_have_few_bytes(conformance::Model::new());
}

#[test]
fn a_batch_sees_itself() {
    conformance::a_batch_sees_itself(Sqlite::new());
}
