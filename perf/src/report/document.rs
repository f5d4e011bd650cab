//! What a command of the bench ends with.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use serde::Serialize;

use crate::error::Result;

/// Printed for a person, written for a program and for a browser.
pub trait Document: Display + Serialize {
    /// Whether nothing happened that must not.
    fn is_sound(&self) -> bool;

    /// One page that needs nothing else.
    fn html(&self) -> String;

    /// Prints it, and writes it into the files that are named.
    fn publish(&self, json: Option<&Path>, html: Option<&Path>) -> Result<()> {
        println!("{self}");
        if let Some(path) = json {
            serde_json::to_writer_pretty(BufWriter::new(File::create(path)?), self)?;
        }
        if let Some(path) = html {
            fs::write(path, self.html())?;
        }
        Ok(())
    }
}
