//! The settings table: every setting's name, kind, default and meaning.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::origins::Origins;
use super::setting::{Kind, Setting};
use super::{Config, Deadlines, Limits, Log, LogFormat, LogLevel, Rates, Registration, Secrets};

const DAY: usize = 24 * 3600;

/// The setting that names the settings file, and therefore cannot stand in it.
pub const SETTINGS_FILE: &str = "config";

/// The setting that names the data folder.
pub const DATA: &str = "data";

/// Every setting, in the order of `--help`.
pub static SETTINGS: &[Setting] = &[
    Setting {
        name: "listen",
        kind: Kind::Address(|config| &mut config.listen),
        default: "127.0.0.1:7800",
        help: "Address and port to serve on; port 0 takes a free one",
    },
    Setting {
        name: DATA,
        kind: Kind::Folder(|config| &mut config.data),
        default: "./data",
        help: "Folder of the databases, keys and secrets; created when absent",
    },
    Setting {
        name: SETTINGS_FILE,
        kind: Kind::File(|config| &mut config.settings_file),
        default: "",
        help: "Settings file in TOML; its keys are the names of the flags",
    },
    Setting {
        name: "shards",
        kind: Kind::Count(|config| &mut config.shards, 0..=256),
        default: "0",
        help: "Threads that serve connections; 0 chooses by the machine",
    },
    Setting {
        name: "registration",
        kind: Kind::Choice("open|closed", |config, word| {
            config.registration = match word {
                "closed" => Registration::Closed,
                _ => Registration::Open,
            };
        }),
        default: "open",
        help: "Whether anybody may create an account, or administrators only",
    },
    Setting {
        name: "token-ttl",
        kind: Kind::Time(|config| &mut config.token_ttl, 60..=31 * DAY),
        default: "7d",
        help: "Life of a user's token",
    },
    Setting {
        name: "trusted-proxies",
        kind: Kind::Networks(|config| &mut config.trusted_proxies),
        default: "",
        help: "Addresses or networks, separated by commas, whose X-Forwarded-For is believed",
    },
    Setting {
        name: "cors-origins",
        kind: Kind::Origins(|config| &mut config.cors_origins),
        default: "*",
        help: "Origins of pages that may call the user API, separated by commas; * is all, empty is none",
    },
    Setting {
        name: "webhook-allow-private",
        kind: Kind::Switch(|config| &mut config.webhook_allow_private),
        default: "false",
        help: "Let webhooks call loopback and private addresses",
    },
    Setting {
        name: "register-per-minute",
        kind: Kind::Rate(|config| &mut config.rates.register_per_minute),
        default: "10",
        help: "Registrations of one address a minute; 0 is no limit",
    },
    Setting {
        name: "login-failures-per-minute",
        kind: Kind::Rate(|config| &mut config.rates.login_failures_per_minute),
        default: "10",
        help: "Wrong passwords for one account from one address a minute; 0 is no limit",
    },
    Setting {
        name: "message-id-window",
        kind: Kind::Count(|config| &mut config.message_id_window, 1000..=100_000_000),
        default: "1000000",
        help: "Newest messages of the server for which a repeated message id is recognised",
    },
    Setting {
        name: "max-head-bytes",
        kind: Kind::Bytes(|config| &mut config.limits.head_bytes, 1 << 10..=1 << 20),
        default: "32KiB",
        help: "Largest head of an HTTP request",
    },
    Setting {
        name: "max-head-fields",
        kind: Kind::Count(|config| &mut config.limits.head_fields, 8..=256),
        default: "100",
        help: "Most header fields of an HTTP request",
    },
    Setting {
        name: "max-body-bytes",
        kind: Kind::Bytes(|config| &mut config.limits.body_bytes, 1 << 10..=1 << 30),
        default: "1MiB",
        help: "Largest body of an HTTP request",
    },
    Setting {
        name: "max-frame-bytes",
        kind: Kind::Bytes(|config| &mut config.limits.frame_bytes, 1 << 10..=1 << 30),
        default: "1MiB",
        help: "Largest WebSocket message",
    },
    Setting {
        name: "max-content-bytes",
        kind: Kind::Bytes(|config| &mut config.limits.content_bytes, 1..=1 << 24),
        default: "64KiB",
        help: "Largest content of a chat message",
    },
    Setting {
        name: "min-password-bytes",
        kind: Kind::Count(|config| &mut config.limits.password_bytes_min, 1..=1024),
        default: "8",
        help: "Shortest new password, in bytes",
    },
    Setting {
        name: "max-password-bytes",
        kind: Kind::Count(|config| &mut config.limits.password_bytes_max, 8..=1024),
        default: "256",
        help: "Longest password, in bytes",
    },
    Setting {
        name: "header-deadline",
        kind: Kind::Time(|config| &mut config.deadlines.head, 1..=3600),
        default: "10s",
        help: "Time a request's head may take",
    },
    Setting {
        name: "body-deadline",
        kind: Kind::Time(|config| &mut config.deadlines.body, 1..=3600),
        default: "30s",
        help: "Time a request's body may take",
    },
    Setting {
        name: "idle-deadline",
        kind: Kind::Time(|config| &mut config.deadlines.idle, 1..=DAY),
        default: "75s",
        help: "Time a connection is kept open between two requests",
    },
    Setting {
        name: "log-level",
        kind: Kind::Choice("error|warn|info|debug", |config, word| {
            config.log.level = match word {
                "error" => LogLevel::Error,
                "warn" => LogLevel::Warn,
                "debug" => LogLevel::Debug,
                _ => LogLevel::Info,
            };
        }),
        default: "info",
        help: "Least important events to log",
    },
    Setting {
        name: "log-format",
        kind: Kind::Choice("text|json", |config, word| {
            config.log.format = match word {
                "json" => LogFormat::Json,
                _ => LogFormat::Text,
            };
        }),
        default: "text",
        help: "How events are written",
    },
    Setting {
        name: "admin-key",
        kind: Kind::Secret(|config| &mut config.secrets.admin_key),
        default: "",
        help: "A further API key with all scopes, valid while set; at least 32 characters",
    },
    Setting {
        name: "jwt-secret",
        kind: Kind::Secret(|config| &mut config.secrets.jwt_secret),
        default: "",
        help: "Signs user tokens in place of jwt.secret in the data folder; at least 32 characters",
    },
];

impl Default for Config {
    fn default() -> Self {
        let mut config = Self {
            listen: SocketAddr::from(([0; 4], 0)),
            data: PathBuf::new(),
            settings_file: None,
            shards: 0,
            registration: Registration::default(),
            token_ttl: Duration::ZERO,
            trusted_proxies: Vec::new(),
            cors_origins: Origins::Any,
            webhook_allow_private: false,
            message_id_window: 0,
            limits: Limits::default(),
            rates: Rates::default(),
            deadlines: Deadlines::default(),
            log: Log::default(),
            secrets: Secrets::default(),
        };
        for setting in SETTINGS {
            setting
                .assign(&mut config, setting.default)
                .expect("the table's defaults are valid");
        }
        config
    }
}

/// The table of the README.
pub fn markdown() -> String {
    let mut table = String::from("| Flag | Variable | Default | Meaning |\n|---|---|---|---|\n");
    for setting in SETTINGS {
        let flag = match setting.is_secret() {
            true => "-".to_owned(),
            false => format!("`--{} {}`", setting.name, setting.value_name().replace('|', "\\|")),
        };
        let file_variable = setting.file_variable().map(|name| format!(", `{name}`"));
        let variable = format!("`{}`{}", setting.variable(), file_variable.unwrap_or_default());
        let default = match setting.default {
            "" => "-".to_owned(),
            default => format!("`{default}`"),
        };
        writeln!(table, "| {flag} | {variable} | {default} | {} |", setting.help)
            .expect("writing to a string does not fail");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_defaults_are_those_of_the_contract() {
        let config = Config::default();
        assert_eq!(config.listen.to_string(), "127.0.0.1:7800");
        assert_eq!(config.data, PathBuf::from("./data"));
        assert_eq!(config.registration, Registration::Open);
        assert_eq!(config.token_ttl.as_secs(), 7 * 86_400);
        assert_eq!(config.message_id_window, 1_000_000);
        assert_eq!((config.limits.head_bytes, config.limits.head_fields), (32 << 10, 100));
        assert_eq!(
            (config.limits.body_bytes, config.limits.content_bytes),
            (1 << 20, 64 << 10)
        );
        assert_eq!(config.limits.frame_bytes, 1 << 20);
        assert_eq!(config.limits.password_bytes(), 8..=256);
        let seconds = [config.deadlines.head, config.deadlines.body, config.deadlines.idle];
        assert_eq!(seconds.map(|deadline| deadline.as_secs()), [10, 30, 75]);
        assert_eq!(config.secrets, Secrets::default());
    }

    #[test]
    fn names_are_unique_and_their_variables_derive_from_them() {
        let names: HashSet<_> = SETTINGS.iter().map(|setting| setting.name).collect();
        assert_eq!(names.len(), SETTINGS.len());
        let ttl = SETTINGS
            .iter()
            .find(|setting| setting.name == "token-ttl")
            .expect("it is there");
        assert_eq!(ttl.variable(), "RINGIM_TOKEN_TTL");
        assert_eq!(ttl.file_variable(), None);
    }

    #[test]
    fn every_setting_has_a_place_of_its_own() {
        for setting in SETTINGS {
            let other = match &setting.kind {
                Kind::Address(_) => "[::1]:1",
                Kind::Folder(_) | Kind::File(_) => "elsewhere",
                Kind::Count(_, range) => &(range.start() + 1).to_string(),
                Kind::Bytes(_, range) | Kind::Time(_, range) => &(range.start() + 1).to_string(),
                Kind::Rate(_) => "77",
                Kind::Switch(_) => "true",
                Kind::Choice(words, _) => words
                    .split('|')
                    .find(|word| *word != setting.default)
                    .expect("two words"),
                Kind::Networks(_) => "10.0.0.0/8",
                Kind::Origins(_) => "https://a.example",
                Kind::Secret(_) => "0123456789abcdef0123456789abcdef",
            };
            let mut config = Config::default();
            setting.assign(&mut config, other).expect("the other value is valid");
            assert_ne!(config, Config::default(), "--{}", setting.name);
            setting
                .assign(&mut config, setting.default)
                .expect("the default is valid");
            assert_eq!(config, Config::default(), "--{} touched another place", setting.name);
        }
    }

    #[test]
    fn the_table_of_the_readme_names_every_setting() {
        let table = markdown();
        assert_eq!(table.lines().count(), SETTINGS.len() + 2);
        assert!(table.contains("| `--registration open\\|closed` | `RINGIM_REGISTRATION` | `open` |"));
        assert!(table.contains("| - | `RINGIM_JWT_SECRET`, `RINGIM_JWT_SECRET_FILE` | - |"));
    }
}
