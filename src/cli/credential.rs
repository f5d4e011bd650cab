//! Passwords, which best do not stand on a command line, where every user of the machine can read them.

use std::io::{self, IsTerminal};
use std::mem::MaybeUninit;

use super::failure::Failure;
use crate::base::secret::Secret;

/// The value of `--password`; `-` stands for standard input.
pub fn read(given: &Secret<String>) -> Result<Secret<String>, Failure> {
    if given.expose() == "-" {
        ask()
    } else {
        Ok(given.clone())
    }
}

/// The first line of standard input; a terminal is prompted and does not show it.
pub fn ask() -> Result<Secret<String>, Failure> {
    let mut line = String::new();
    let read = if io::stdin().is_terminal() {
        eprint!("Password: ");
        let read = without_echo(|| io::stdin().read_line(&mut line));
        eprintln!();
        read
    } else {
        io::stdin().read_line(&mut line)
    };
    read.map_err(|error| Failure::new(format!("no password can be read: {error}"), "Give it on standard input"))?;
    Ok(Secret::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Calls `read` while the terminal does not show what is typed.
fn without_echo<T>(read: impl FnOnce() -> T) -> T {
    let mut present = MaybeUninit::<libc::termios>::uninit();
    // SAFETY: `present` is a valid place for the answer.
    if unsafe { libc::tcgetattr(libc::STDIN_FILENO, present.as_mut_ptr()) } != 0 {
        return read();
    }
    // SAFETY: the call succeeded, so it has filled `present`.
    let present = unsafe { present.assume_init() };
    let mut silent = present;
    silent.c_lflag &= !libc::ECHO;
    // SAFETY: both are settings that the terminal itself has named.
    unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSAFLUSH, &raw const silent) };
    let value = read();
    // SAFETY: as above.
    unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSAFLUSH, &raw const present) };
    value
}
