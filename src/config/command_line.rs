//! The command line: the flags of the settings table, and the sub-commands of [`super::actions`].

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches, Subcommand};

use super::Config;
use super::actions::Action;
use super::layers::{self, Faults};
use super::setting::{Kind, Setting};
use super::settings::{DATA, SETTINGS, SETTINGS_FILE};

/// Exit code of a wrong command line or configuration.
pub const EXIT_USAGE: u8 = 2;

const JSON: &str = "json";

/// What the process was asked to do.
#[derive(Debug)]
pub struct Invocation {
    pub action: Action,
    /// Print JSON rather than text.
    pub json: bool,
    pub config: Config,
}

/// Why there is no invocation.
#[derive(Debug)]
pub enum Refusal {
    /// A wrong command line; also a request for help or the version, which is no error.
    Usage(clap::Error),
    /// A wrong configuration.
    Configuration(Faults),
}

impl Refusal {
    /// Tells the user; returns the exit code.
    pub fn report(&self) -> u8 {
        match self {
            Self::Usage(error) => {
                // A closed terminal leaves nobody to tell.
                let _ = error.print();
                u8::try_from(error.exit_code()).unwrap_or(EXIT_USAGE)
            }
            Self::Configuration(faults) => {
                eprintln!("error: the configuration is wrong:\n{faults}");
                EXIT_USAGE
            }
        }
    }
}

/// What these arguments (the first is the program's name) and environment variables ask for.
pub fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    environment: &[(String, String)],
) -> Result<Invocation, Refusal> {
    let matches = command().try_get_matches_from(arguments).map_err(Refusal::Usage)?;
    let action = match matches.subcommand() {
        Some(_) => Action::from_arg_matches(&matches).map_err(Refusal::Usage)?,
        None => Action::Serve,
    };
    let (flags, json) = flags(&matches);
    let misplaced = flags.iter().find(|(setting, _)| !is_global(setting));
    if let Some((setting, _)) = misplaced.filter(|_| action != Action::Serve) {
        let message = format!("`--{}` is a setting of `serve`\n", setting.name);
        return Err(Refusal::Usage(
            command().error(clap::error::ErrorKind::ArgumentConflict, message),
        ));
    }
    // The version must be told however wrong the configuration is.
    let config = match action {
        Action::Version => Config::default(),
        _ => layers::load(&flags, environment).map_err(Refusal::Configuration)?,
    };
    Ok(Invocation { action, json, config })
}

/// The whole command line as clap knows it.
pub fn command() -> Command {
    let root = Command::new("ringim")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Self-hosted instant messaging: REST, WebSocket, webhooks and a readable SQLite file")
        .after_help(after_help())
        .args(setting_arguments(|_| true));
    let mut root = Action::augment_subcommands(root).mut_subcommand("serve", |serve| {
        serve.args(setting_arguments(|setting| !is_global(setting)))
    });
    let names: Vec<String> = root.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in names.iter().filter(|name| *name != "serve") {
        root = root.mut_subcommand(name, |sub| sub.arg(json_argument()));
    }
    root
}

/// What stands below the flags: the order of the layers, and the secrets, which are no flags.
fn after_help() -> String {
    let mut help = "A flag beats its RINGIM_* variable beats the settings file beats the default.\n\n\
                    Secrets are variables only, or files named by the variable with _FILE:"
        .to_owned();
    for setting in SETTINGS.iter().filter(|setting| setting.is_secret()) {
        help += &format!("\n  {}: {}", setting.variable(), setting.help);
    }
    help
}

/// Settings that the sub-commands take as well.
fn is_global(setting: &Setting) -> bool {
    [DATA, SETTINGS_FILE].contains(&setting.name)
}

fn setting_arguments(is_wanted: fn(&Setting) -> bool) -> impl Iterator<Item = Arg> {
    SETTINGS
        .iter()
        .filter(move |setting| !setting.is_secret() && is_wanted(setting))
        .map(setting_argument)
}

fn setting_argument(setting: &'static Setting) -> Arg {
    let default = match setting.default {
        "" => String::new(),
        default => format!(" [default: {default}]"),
    };
    let argument = Arg::new(setting.name)
        .long(setting.name)
        .value_name(setting.value_name())
        .help(format!("{}{default} [{}]", setting.help, setting.variable()))
        .allow_negative_numbers(true)
        .global(is_global(setting));
    match setting.kind {
        Kind::Switch(_) => argument
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
        _ => argument,
    }
}

fn json_argument() -> Arg {
    Arg::new(JSON)
        .long(JSON)
        .action(ArgAction::SetTrue)
        .global(true)
        .help("Print JSON")
}

/// The settings given on the command line, before and after the sub-command, and whether JSON is wanted.
fn flags(matches: &ArgMatches) -> (Vec<(&'static Setting, String)>, bool) {
    let mut found = Vec::new();
    let mut json = false;
    let mut level = Some(matches);
    while let Some(matches) = level {
        found.extend(
            SETTINGS
                .iter()
                .filter_map(|setting| Some((setting, given(matches, setting.name)?))),
        );
        json |= matches!(matches.try_get_one::<bool>(JSON), Ok(Some(true)));
        level = matches.subcommand().map(|(_, matches)| matches);
    }
    (found, json)
}

fn given(matches: &ArgMatches, name: &str) -> Option<String> {
    let value = matches.try_get_one::<String>(name).ok().flatten()?;
    (matches.value_source(name) == Some(ValueSource::CommandLine)).then(|| value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::actions::KeyAction;
    use std::path::PathBuf;

    fn parse_line(line: &str) -> Result<Invocation, Refusal> {
        parse(line.split_whitespace().map(OsString::from), &[])
    }

    fn accepted(line: &str) -> Invocation {
        parse_line(line).unwrap_or_else(|refusal| panic!("{line}: {refusal:?}"))
    }

    fn exit_code(line: &str) -> u8 {
        match parse_line(line).expect_err("refused") {
            Refusal::Usage(error) => u8::try_from(error.exit_code()).expect("an exit code"),
            Refusal::Configuration(_) => EXIT_USAGE,
        }
    }

    #[test]
    fn clap_finds_no_contradiction_in_the_tree() {
        command().debug_assert();
    }

    #[test]
    fn serve_is_what_happens_without_a_sub_command() {
        let bare = accepted("ringim --shards 2 --webhook-allow-private");
        assert_eq!((bare.action, bare.config.shards), (Action::Serve, 2));
        assert!(bare.config.webhook_allow_private);
        let named = accepted("ringim --shards 2 serve --shards 3 --webhook-allow-private=false");
        assert_eq!((named.action, named.config.shards), (Action::Serve, 3));
        assert!(!named.config.webhook_allow_private);
        assert_eq!(accepted("ringim").config, Config::default());
    }

    #[test]
    fn the_data_folder_and_json_may_stand_anywhere() {
        for line in [
            "ringim user list --data d --json",
            "ringim user --data d --json list",
            "ringim --data d user list --json",
            "ringim check --json --data d",
        ] {
            let invocation = accepted(line);
            assert_eq!(
                (invocation.config.data, invocation.json),
                (PathBuf::from("d"), true),
                "{line}"
            );
        }
        assert!(!accepted("ringim user list").json);
    }

    #[test]
    fn every_sub_command_of_the_contract_is_there() {
        for line in [
            "user add alice --id a --nickname A --password -",
            "user list",
            "user ban a",
            "user unban a",
            "user delete a",
            "user password a",
            "user token a",
            "user grant a bot",
            "group create team --owner a --id g --members b,c",
            "group list",
            "group add g a b",
            "group remove g a",
            "group dismiss g",
            "key create",
            "key list",
            "key revoke k",
            "webhook add http://localhost/",
            "webhook list",
            "webhook test w",
            "backup f",
            "restore f",
            "check",
            "version",
        ] {
            let action = accepted(&format!("ringim {line} --data d --json")).action;
            assert_ne!(action, Action::Serve, "{line}");
        }
        let Action::Key(KeyAction::Create { scopes, .. }) = accepted("ringim key create --scopes users,read").action
        else {
            panic!("another action");
        };
        assert_eq!(scopes, ["users", "read"]);
    }

    #[test]
    fn usage_errors_exit_with_2_and_help_with_0() {
        for line in [
            "ringim --port 1",
            "ringim users",
            "ringim user",
            "ringim user ban",
            "ringim group add g",
            "ringim --shards many",
            "ringim --shards",
            "ringim --shards -1",
            "ringim user list --shards 1",
            "ringim --shards 1 user list",
            "ringim serve --json",
            "ringim --config /nonexistent/ringim.toml check",
            "ringim --jwt-secret 0123456789abcdef0123456789abcdef",
        ] {
            assert_eq!(exit_code(line), EXIT_USAGE, "{line}");
        }
        for line in [
            "ringim --help",
            "ringim --version",
            "ringim user --help",
            "ringim help serve",
        ] {
            assert_eq!(exit_code(line), 0, "{line}");
        }
    }

    #[test]
    fn the_version_is_told_under_a_wrong_configuration() {
        let environment = [("RINGIM_SHARDS".to_owned(), "many".to_owned())];
        let arguments = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert!(parse(arguments("ringim version"), &environment).is_ok());
        assert!(parse(arguments("ringim check"), &environment).is_err());
    }

    #[test]
    fn help_shows_every_flag_with_its_default_and_variable_but_no_secret_flag() {
        let help = command().render_long_help().to_string();
        for setting in SETTINGS {
            let flag = format!("--{} ", setting.name);
            let is_shown = help.contains(&flag) || help.contains(&format!("--{}[", setting.name));
            assert_eq!(is_shown, !setting.is_secret(), "{flag}");
        }
        assert!(help.contains("[default: 127.0.0.1:7800]") && help.contains("[RINGIM_LISTEN]"));
    }

    #[test]
    fn a_password_on_the_command_line_is_not_printed_by_debug() {
        let invocation = accepted("ringim user add alice --password hunter2hunter2");
        assert!(!format!("{invocation:?}").contains("hunter2"));
    }
}
