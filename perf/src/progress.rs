//! A progress bar on stderr for whoever waits. There is none where stderr is no terminal.
//!
//! It is drawn by the thread that tells it something, never by one that generates load, and by no thread of its own.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// What a run is doing; wiped off the terminal when dropped.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Progress of a run of this scenario.
    pub fn start(scenario: &'static str) -> Self {
        let bar = ProgressBar::no_length();
        bar.set_prefix(scenario);
        Self { bar }
    }

    /// Begins a step that takes an unknown time.
    pub fn step(&self, name: &'static str) {
        self.begin("{prefix}: {msg}", name);
    }

    /// Begins a step that takes so long.
    pub fn timed_step(&self, name: &'static str, length: Duration) {
        self.bar.set_length(milliseconds(length));
        self.bar.set_position(0);
        self.begin("{prefix}: [{bar:30}] {percent:>3}% {msg}", name);
    }

    /// Tells how much of a timed step has passed, and what came of it.
    pub fn passed(&self, time: Duration, news: String) {
        self.bar.set_message(news);
        self.bar.set_position(milliseconds(time));
    }

    fn begin(&self, template: &str, name: &'static str) {
        self.bar
            .set_style(ProgressStyle::with_template(template).expect("the templates of this file are valid"));
        self.bar.set_message(name);
        self.bar.tick();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
