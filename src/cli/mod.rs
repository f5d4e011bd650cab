//! The sub-commands. Those about users, groups, keys and webhooks are requests of the admin API: beside a live server
//! they go to it, otherwise to a gateway inside this process, which holds the data folder meanwhile.

mod control;
mod credential;
mod exchange;
mod failure;
mod in_process;
mod maintenance;
mod print;
mod request;
mod table;
mod version;

use std::io::{self, Write};
use std::process::ExitCode;

use crate::config::Config;
use crate::config::actions::Action;
use crate::config::command_line::Invocation;
use control::Control;
use failure::Failure;
use request::Reading;

/// What a sub-command has to say.
pub struct Report {
    /// For people, ending with a line break; or JSON.
    pub text: String,
    /// Whether all is well. A check that finds damage says what it found, and fails.
    pub is_well: bool,
}

impl Report {
    fn well(text: String) -> Self {
        Self { text, is_well: true }
    }
}

/// Carries out a sub-command other than `serve`. What went wrong is told on standard error.
pub fn run(invocation: &Invocation) -> ExitCode {
    match report(invocation) {
        Ok(report) => {
            // A closed standard output leaves nobody to tell.
            let _ = io::stdout().write_all(report.text.as_bytes());
            if report.is_well {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn report(invocation: &Invocation) -> Result<Report, Failure> {
    let Invocation { action, json, config } = invocation;
    match action {
        Action::Version => Ok(Report::well(version::text(*json))),
        Action::Check => maintenance::check(config, *json),
        Action::Backup { file } => maintenance::backup(config, file, *json),
        Action::Restore { file } => maintenance::restore(config, file, *json),
        _ => administer(config, action, *json),
    }
}

fn administer(config: &Config, action: &Action, json: bool) -> Result<Report, Failure> {
    let request = request::of(action)?;
    let mut control = Control::find(config)?;
    let answer = match request.reading {
        Reading::Once => control.ask(&request),
        Reading::EveryPage => control.ask_every_page(&request),
    };
    let data = answer.map_err(|failure| failure.about(&request::subject(action)))?;
    let text = if json {
        format!("{data}\n")
    } else {
        print::text(action, &data)
    };
    // The answer to a test of a webhook says why the target was not reached.
    let is_well = data["error"].is_null();
    Ok(Report { text, is_well })
}
