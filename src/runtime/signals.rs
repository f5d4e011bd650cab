//! SIGTERM and SIGINT: the first asks for an orderly end, the second for an end at once.

use std::io;

use crossbeam_channel::{Receiver, bounded};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Watches for both signals from now on; the first arrives in the channel, the second ends the process.
pub fn watch() -> io::Result<Receiver<()>> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let (sender, receiver) = bounded(1);
    let work = move || {
        for _ in signals.forever() {
            if sender.try_send(()).is_err() {
                std::process::exit(1);
            }
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(work)?;
    Ok(receiver)
}
