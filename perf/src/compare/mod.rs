//! The same scenario against several servers, interleaved: every round plays each of them once, on a fresh server and
//! folder, so that a machine that drifts treats all alike. What is reported are medians over the rounds, and ratios.

mod budget;
mod comparison;
mod options;
mod show;
mod summary;

use std::mem;
use std::path::PathBuf;

use crate::error::Result;
use crate::limit::{self, AppendOptions, Limit};
use crate::report::{MESSAGES_PER_COMMIT, Report};

use budget::Budget;
use comparison::{APPEND, Comparison, ECHO, OURS, Run};
pub use options::CompareOptions;
use options::{Contest, Opponent};

/// Plays all rounds.
pub fn run(options: CompareOptions) -> Result<Comparison> {
    options.against.iter().try_for_each(Opponent::check)?;
    let budget = Budget::of(&options.contest);
    let mut session = Session::new(options.contest);
    for round in 1..=options.rounds {
        eprintln!("round {round} of {}", options.rounds);
        session.round = round;
        session.play_ours()?;
        for opponent in &options.against {
            match opponent {
                Opponent::Server { name, path } => session.play(name, path.clone(), Vec::new())?,
                Opponent::Limit => session.play_limit()?,
            }
        }
    }
    Ok(Comparison::new(session.runs, budget))
}

/// Rounds being played.
struct Session {
    contest: Contest,
    /// Our server and its arguments, which mean nothing to the others.
    ours: (PathBuf, Vec<String>),
    round: u32,
    runs: Vec<Run>,
}

impl Session {
    fn new(mut contest: Contest) -> Self {
        let server = contest.server();
        let ours = (server.server.clone(), mem::take(&mut server.arguments));
        Self {
            contest,
            ours,
            round: 0,
            runs: Vec::new(),
        }
    }

    fn play_ours(&mut self) -> Result<()> {
        let (path, arguments) = self.ours.clone();
        self.play(OURS, path, arguments)
    }

    fn play(&mut self, name: &str, path: PathBuf, arguments: Vec<String>) -> Result<()> {
        let server = self.contest.server();
        server.server = path;
        server.arguments = arguments;
        let report = self.contest.run();
        self.enter(name, report)
    }

    /// Plays both parts of the limit, in batches as large as ours of this round.
    fn play_limit(&mut self) -> Result<()> {
        let Some(echo) = self.contest.echo() else {
            return Ok(());
        };
        let ours = self.runs.iter().rev().find(|run| run.contestant == OURS);
        let batch = ours.and_then(|run| run.report.value(MESSAGES_PER_COMMIT));
        let append = AppendOptions {
            batch: batch.map_or(1.0, f64::round).max(1.0) as u32,
            seconds: echo.load.seconds,
            content_bytes: echo.load.content_bytes,
            data_under: self.contest.server().data_under.clone(),
        };
        self.enter(ECHO, limit::run(&Limit::Echo(echo)))?;
        self.enter(APPEND, limit::run(&Limit::Append(append)))
    }

    fn enter(&mut self, contestant: &str, report: Result<Report>) -> Result<()> {
        let report = report.map_err(|error| format!("{contestant}: {error}"))?;
        self.runs.push(Run {
            contestant: contestant.to_owned(),
            round: self.round,
            report,
        });
        Ok(())
    }
}
