//! A value that must not reach a log, an error text or a debug print.
//!
//! Tokens, keys and passwords travel in this wrapper; whoever needs the value says so with
//! [`Secret::expose`], which a reader can search for.

use std::fmt;

/// Holds `T` and prints `***` instead of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the one place that must use it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_hides_the_value_and_expose_shows_it() {
        let secret = Secret::new("hunter2hunter2".to_owned());
        assert_eq!(format!("{:?} {:?}", secret, Some(&secret)), "*** Some(***)");
        assert_eq!(secret.expose(), "hunter2hunter2");
    }
}
