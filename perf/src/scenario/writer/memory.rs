//! Whether the kernel's memory holds the database file. Some machines take back what nobody has touched for a minute,
//! so it is said before each measurement instead of hoped.

use std::fs::File;
use std::io::{self, Seek};
use std::path::Path;

use rustix::fs::{Advice, fadvise};

use crate::error::Result;

/// The database file, to be closed after all connections of this process: a file that is closed takes all locks of
/// its process on it along.
pub struct DatabaseFile(File);

impl DatabaseFile {
    /// The one in the data folder.
    pub fn open(folder: &Path) -> Result<Self> {
        Ok(Self(File::open(folder.join("im.db"))?))
    }

    /// Has the kernel's memory hold all of it.
    pub fn load(&mut self) -> Result<()> {
        self.0.rewind()?;
        io::copy(&mut self.0, &mut io::sink())?;
        Ok(())
    }

    /// Has the kernel's memory hold nothing of it.
    pub fn forget(&self) -> Result<()> {
        // What is not on the disk yet would stay.
        self.0.sync_all()?;
        fadvise(&self.0, 0, None, Advice::DontNeed)?;
        Ok(())
    }
}
