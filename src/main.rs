//! Arguments to a configuration, a configuration to a server.

use std::process::ExitCode;

use ringim::config::actions::Action;
use ringim::config::command_line;
use ringim::runtime::serve;

fn main() -> ExitCode {
    let environment: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let invocation = match command_line::parse(std::env::args_os(), &environment) {
        Ok(invocation) => invocation,
        Err(refusal) => return ExitCode::from(refusal.report()),
    };
    match invocation.action {
        Action::Serve => report(serve::run(&invocation.config)),
        Action::Version => {
            println!("ringim {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        _ => ExitCode::FAILURE,
    }
}

fn report<E: std::fmt::Display>(outcome: Result<(), E>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ringim: {error}");
            ExitCode::FAILURE
        }
    }
}
