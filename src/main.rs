//! Arguments to a configuration; a configuration to a server, or to a sub-command.

use std::process::ExitCode;

use ringim::cli;
use ringim::config::actions::Action;
use ringim::config::command_line;
use ringim::runtime::serve;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    avoid_huge_pages();
    end_on_panic();
    let environment: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let invocation = match command_line::parse(std::env::args_os(), &environment) {
        Ok(invocation) => invocation,
        Err(refusal) => return ExitCode::from(refusal.report()),
    };
    match invocation.action {
        Action::Serve => report(serve::run(&invocation.config)),
        _ => cli::run(&invocation),
    }
}

/// What lives long is small and scattered: in pages of 2 MiB it would take twice the memory. Where the kernel cannot
/// be asked, it decides.
fn avoid_huge_pages() {
    // SAFETY: the call takes no pointers.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) };
}

/// A half-changed gateway must not go on: in every build a panic on any thread ends the process.
fn end_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));
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
