//! Fills a [`Config`] from its layers: flag over variable over settings file over default.
//!
//! Every value of every layer is checked, also one that a higher layer replaces, and all faults are
//! reported at once.

use std::fmt;
use std::fs;
use std::path::Path;

use super::Config;
use super::setting::{Setting, VARIABLE_PREFIX};
use super::settings::{SETTINGS, SETTINGS_FILE};
use super::suggestion::closest;

/// One thing wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where it stands: `--shards`, `RINGIM_SHARDS`, `ringim.toml: shards`.
    pub place: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

/// Everything wrong with the configuration, one fault a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Fault { place, problem }) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{place}: {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// The configuration these flags and environment variables (of the whole process) amount to, together
/// with the settings file they name.
pub fn load(flags: &[(&'static Setting, String)], environment: &[(String, String)]) -> Result<Config, Faults> {
    let mut layers = Layers {
        config: Config::default(),
        faults: Vec::new(),
    };
    if let Some(path) = settings_file(flags, environment) {
        layers.file(Path::new(path));
    }
    layers.environment(environment);
    for (setting, text) in flags {
        layers.assign(format!("--{}", setting.name), setting, text);
    }
    layers.finish()
}

/// The settings file that a flag names, or else its variable.
fn settings_file<'a>(flags: &'a [(&'static Setting, String)], environment: &'a [(String, String)]) -> Option<&'a str> {
    let by_flag = flags
        .iter()
        .rfind(|(setting, _)| setting.name == SETTINGS_FILE)
        .map(|(_, path)| path);
    let by_variable = || {
        let setting = SETTINGS.iter().find(|setting| setting.name == SETTINGS_FILE)?;
        let variable = setting.variable();
        environment
            .iter()
            .find(|(name, _)| *name == variable)
            .map(|(_, path)| path)
    };
    by_flag
        .or_else(by_variable)
        .map(String::as_str)
        .filter(|path| !path.is_empty())
}

struct Layers {
    config: Config,
    faults: Vec<Fault>,
}

impl Layers {
    fn fault(&mut self, place: String, problem: String) {
        self.faults.push(Fault { place, problem });
    }

    fn assign(&mut self, place: String, setting: &Setting, text: &str) {
        if let Err(problem) = setting.assign(&mut self.config, text) {
            let subject = if setting.is_secret() {
                "the value".to_owned()
            } else {
                format!("`{text}`")
            };
            self.fault(place, format!("{subject} {problem}"));
        }
    }

    fn file(&mut self, path: &Path) {
        let place = path.display();
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return self.fault(place.to_string(), format!("cannot be read: {error}")),
        };
        match text.parse::<toml::Table>() {
            Ok(table) => table.iter().for_each(|(key, value)| self.file_key(path, key, value)),
            Err(error) => self.fault(
                place.to_string(),
                format!("is not TOML: {}", error.to_string().trim_end()),
            ),
        }
    }

    fn file_key(&mut self, path: &Path, key: &str, value: &toml::Value) {
        let place = format!("{}: {key}", path.display());
        match SETTINGS.iter().find(|setting| setting.name == key) {
            Some(setting) if setting.is_in_file() => match written(value) {
                Some(text) => self.assign(place, setting, &text),
                None => self.fault(
                    place,
                    "is neither a text, a number, a truth value nor a list of texts".to_owned(),
                ),
            },
            Some(setting) => {
                self.fault(
                    place,
                    format!("may not stand in the settings file; set {}", setting.variable()),
                );
            }
            None => {
                let known = SETTINGS
                    .iter()
                    .filter(|setting| setting.is_in_file())
                    .map(|setting| setting.name);
                self.fault(place, unknown("setting", closest(key, known)));
            }
        }
    }

    fn environment(&mut self, environment: &[(String, String)]) {
        let ours = environment.iter().filter(|(name, _)| name.starts_with(VARIABLE_PREFIX));
        for (name, text) in ours {
            if let Some(setting) = SETTINGS.iter().find(|setting| setting.variable() == *name) {
                self.assign(name.clone(), setting, text);
            } else if let Some(setting) = SETTINGS
                .iter()
                .find(|setting| setting.file_variable().as_ref() == Some(name))
            {
                self.secret_file(name, setting, text, environment);
            } else {
                self.stray_variable(name);
            }
        }
    }

    /// A variable that is a slip of one of ours is a fault. Any other is left to whoever set it: container
    /// platforms put variables such as `RINGIM_PORT` into the environment of a service of that name.
    fn stray_variable(&mut self, name: &str) {
        let bare = |variable: &str| variable.trim_start_matches(VARIABLE_PREFIX).to_owned();
        let known: Vec<String> = variables().map(|variable| bare(&variable)).collect();
        let name_of_ours = |text: &str| closest(text, known.iter().map(String::as_str)).map(str::to_owned);
        let typed = bare(name);
        let nearest = name_of_ours(&typed).or_else(|| name_of_ours(typed.strip_suffix("_FILE")?));
        if let Some(nearest) = nearest {
            let meant = format!("{VARIABLE_PREFIX}{nearest}");
            self.fault(name.to_owned(), unknown("variable", Some(&meant)));
        }
    }

    fn secret_file(&mut self, name: &str, setting: &Setting, path: &str, environment: &[(String, String)]) {
        let direct = setting.variable();
        if environment.iter().any(|(other, _)| *other == direct) {
            return self.fault(name.to_owned(), format!("{direct} is set as well; set one of them"));
        }
        match fs::read_to_string(path) {
            Ok(text) if !text.trim_end().is_empty() => self.assign(name.to_owned(), setting, text.trim_end()),
            Ok(_) => self.fault(name.to_owned(), format!("the file `{path}` is empty")),
            Err(error) => self.fault(name.to_owned(), format!("the file `{path}` cannot be read: {error}")),
        }
    }

    fn finish(mut self) -> Result<Config, Faults> {
        let limits = &self.config.limits;
        if limits.password_bytes().is_empty() {
            let problem = format!("{} is above max-password-bytes", limits.password_bytes_min);
            self.fault("min-password-bytes".to_owned(), problem);
        }
        if self.faults.is_empty() {
            Ok(self.config)
        } else {
            Err(Faults(self.faults))
        }
    }
}

/// Every variable that means something.
fn variables() -> impl Iterator<Item = String> {
    SETTINGS
        .iter()
        .flat_map(|setting| [Some(setting.variable()), setting.file_variable()])
        .flatten()
}

fn unknown(what: &str, nearest: Option<&str>) -> String {
    let hint = nearest.map(|name| format!("; did you mean `{name}`?"));
    format!("is no {what}{}", hint.unwrap_or_default())
}

/// The value as a flag would be written.
fn written(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(truth) => Some(truth.to_string()),
        toml::Value::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(toml::Value::as_str).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn setting(name: &str) -> &'static Setting {
        SETTINGS
            .iter()
            .find(|setting| setting.name == name)
            .expect("a setting of the table")
    }

    fn variable(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(text.as_bytes()).expect("written");
        file
    }

    fn path(file: &tempfile::NamedTempFile) -> String {
        file.path().display().to_string()
    }

    fn problems(result: Result<Config, Faults>) -> Vec<String> {
        let Faults(faults) = result.expect_err("the configuration is faulty");
        faults
            .into_iter()
            .map(|fault| format!("{}: {}", fault.place, fault.problem))
            .collect()
    }

    #[test]
    fn without_any_layer_the_defaults_hold() {
        assert_eq!(load(&[], &[variable("PATH", "/bin")]), Ok(Config::default()));
    }

    #[test]
    fn variables_of_others_are_left_alone() {
        let others = [
            variable("RINGIM_PORT", "tcp://10.0.0.1:80"),
            variable("RINGIM_BIN", "/bin/x"),
        ];
        assert_eq!(load(&[], &others), Ok(Config::default()));
    }

    #[test]
    fn a_flag_beats_a_variable_beats_the_file() {
        let file =
            file("shards = 2\nmax-body-bytes = '2MiB'\ntoken-ttl = '1h'\ntrusted-proxies = ['::1', '10.0.0.0/8']");
        let flags = [(setting("config"), path(&file)), (setting("shards"), "4".to_owned())];
        let environment = [
            variable("RINGIM_SHARDS", "3"),
            variable("RINGIM_MAX_BODY_BYTES", "3MiB"),
        ];
        let config = load(&flags, &environment).expect("all is valid");
        assert_eq!((config.shards, config.limits.body_bytes), (4, 3 << 20));
        assert_eq!(config.token_ttl.as_secs(), 3600);
        assert_eq!(config.trusted_proxies.len(), 2);
        assert_eq!(config.settings_file, Some(file.path().to_owned()));
    }

    #[test]
    fn the_variable_names_the_file_unless_a_flag_does() {
        let (first, second) = (file("shards = 1"), file("shards = 2"));
        let environment = [variable("RINGIM_CONFIG", &path(&first))];
        assert_eq!(load(&[], &environment).expect("valid").shards, 1);
        let flags = [(setting("config"), path(&second))];
        assert_eq!(load(&flags, &environment).expect("valid").shards, 2);
    }

    #[test]
    fn every_fault_of_every_layer_is_named_at_once() {
        let file = file("lisen = '127.0.0.1:1'\nshards = -1\njwt-secret = 'x'\n[server]\nport = 1");
        let flags = [(setting("config"), path(&file)), (setting("shards"), "many".to_owned())];
        let environment = [
            variable("RINGIM_TOKEN_TLL", "1d"),
            variable("RINGIM_LISTEN", "localhost"),
        ];
        let problems = problems(load(&flags, &environment));
        let expected = [
            "lisen: is no setting; did you mean `listen`?",
            "shards: `-1` is not a whole number from 0 to 256",
            "jwt-secret: may not stand in the settings file; set RINGIM_JWT_SECRET",
            "server: is no setting",
            "RINGIM_TOKEN_TLL: is no variable; did you mean `RINGIM_TOKEN_TTL`?",
            "RINGIM_LISTEN: `localhost` is not an address",
            "--shards: `many` is not a whole number from 0 to 256",
        ];
        assert_eq!(problems.len(), expected.len(), "{problems:#?}");
        for expected in expected {
            assert!(
                problems.iter().any(|problem| problem.contains(expected)),
                "{expected}: {problems:#?}"
            );
        }
    }

    #[test]
    fn a_settings_file_absent_or_broken_is_a_fault() {
        let flags = [(setting("config"), "/nonexistent/ringim.toml".to_owned())];
        assert!(problems(load(&flags, &[]))[0].starts_with("/nonexistent/ringim.toml: cannot be read"));
        let file = file("shards = = 1");
        let problems = problems(load(&[(setting("config"), path(&file))], &[]));
        assert!(problems[0].contains("is not TOML"), "{problems:?}");
    }

    #[test]
    fn a_secret_comes_from_its_variable_or_from_a_file_but_not_from_both() {
        let strong = "0123456789abcdef0123456789abcdef";
        let file = file(&format!("{strong}\n"));
        let direct = variable("RINGIM_JWT_SECRET", strong);
        let by_file = variable("RINGIM_JWT_SECRET_FILE", &path(&file));
        for environment in [direct.clone(), by_file.clone()] {
            let config = load(&[], &[environment]).expect("a strong secret");
            assert_eq!(config.secrets.jwt_secret.expect("set").expose(), strong);
        }
        assert_eq!(problems(load(&[], &[direct, by_file])).len(), 1);
        assert_eq!(
            problems(load(&[], &[variable("RINGIM_ADMIN_KEY_FILE", "/nonexistent")])).len(),
            1
        );
        assert_eq!(problems(load(&[], &[variable("RINGIM_DATA_FILE", "x")])).len(), 1);
        let weak = problems(load(&[], &[variable("RINGIM_ADMIN_KEY", "hunter2")]));
        assert!(!weak[0].contains("hunter2"), "{weak:?}");
    }

    #[test]
    fn the_limits_of_passwords_must_leave_room() {
        let flags = [
            (setting("min-password-bytes"), "20".to_owned()),
            (setting("max-password-bytes"), "10".to_owned()),
        ];
        assert_eq!(problems(load(&flags, &[])).len(), 1);
    }
}
