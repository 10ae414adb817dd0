//! Reads the file, the environment and the command line, one over the other.

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

use clap::ArgMatches;

use super::{
    Config,
    command::command,
    nearest,
    settings::{CONFIG_KEY, SETTINGS, STORE_KEY, Setting, Shape},
};
use crate::secret::Secret;

/// Read where no other file is named, if it is there.
const DEFAULT_FILE: &str = "/etc/perfwatch/perfwatch.toml";

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The command line cannot be read, or asks for the help or the version.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// Values are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// Everything that is wrong with the values given.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// At least one.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key, variable, flag or file.
    pub at: String,
    /// What is wrong with it, and what would be right.
    pub what: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be used:")?;
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n  {}: {}", problem.at, problem.what))
    }
}

impl std::error::Error for ConfigError {}

pub(super) fn read(
    args: impl IntoIterator<Item = OsString>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, ReadError> {
    let flags = command().try_get_matches_from(args)?;
    let mut reader = Reader {
        flags,
        env,
        file: File::default(),
        config: Config::default(),
        problems: Vec::new(),
    };
    reader.read_file();
    LAYERS.into_iter().for_each(|layer| reader.lay(layer));
    reader.default_store();
    if reader.problems.is_empty() {
        return Ok(reader.config);
    }
    Err(ConfigError { problems: reader.problems }.into())
}

struct Reader<'a> {
    flags: ArgMatches,
    env: &'a dyn Fn(&str) -> Option<String>,
    file: File,
    config: Config,
    problems: Vec<Problem>,
}

/// A file's settings: their keys and texts, and the file they are from.
#[derive(Default)]
struct File {
    path: PathBuf,
    entries: Vec<(&'static str, String)>,
}

/// Where settings are given.
#[derive(Clone, Copy)]
enum Layer {
    File,
    Environment,
    Flags,
}

/// From the lowest to the highest.
const LAYERS: [Layer; 3] = [Layer::File, Layer::Environment, Layer::Flags];

/// A setting as a layer gives it.
struct Given {
    /// The key and file, variable or flag.
    at: String,
    text: String,
}

impl Reader<'_> {
    fn problem(&mut self, at: impl Into<String>, what: impl Into<String>) {
        self.problems.push(Problem { at: at.into(), what: what.into() });
    }

    /// Applies a whole layer before the next, because two settings may fill one field.
    fn lay(&mut self, layer: Layer) {
        for setting in SETTINGS {
            let Some(Given { at, text }) = self.given(layer, setting) else { continue };
            if let Err(what) = (setting.set)(&mut self.config, &text) {
                self.problem(at, what);
                continue;
            }
            let instead = setting.instead_of.and_then(|key| SETTINGS.iter().find(|s| s.key == key));
            if let Some(other) = instead.and_then(|setting| self.given(layer, setting)) {
                self.problem(at, format!("{} is given as well; leave one out", other.at));
            }
        }
    }

    fn given(&self, layer: Layer, setting: &Setting) -> Option<Given> {
        match layer {
            Layer::File => self.entry(setting),
            Layer::Environment => self.variable(setting),
            Layer::Flags => self.flag(setting),
        }
    }

    fn entry(&self, setting: &Setting) -> Option<Given> {
        let (key, text) = self.file.entries.iter().find(|(key, _)| *key == setting.key)?;
        Some(Given { at: format!("{key} in {}", self.file.path.display()), text: text.clone() })
    }

    /// An empty variable is how a compose file leaves one out.
    fn variable(&self, setting: &Setting) -> Option<Given> {
        let text = (self.env)(&setting.variable()).filter(|text| !text.is_empty())?;
        Some(Given { at: setting.variable(), text })
    }

    fn flag(&self, setting: &Setting) -> Option<Given> {
        let flag = setting.flag()?;
        let values: Vec<&str> =
            self.flags.get_many::<String>(setting.key)?.map(String::as_str).collect();
        Some(Given { at: format!("--{flag}"), text: values.join(",") })
    }

    /// Gives the store its default place if no layer names one, and the accounts beside an engine.
    fn default_store(&mut self) {
        self.config.store.data_directory = perfwatch_store::data_directory(self.env);
        let store = SETTINGS.iter().find(|setting| setting.key == STORE_KEY);
        let given =
            store.is_some_and(|store| LAYERS.iter().any(|&at| self.given(at, store).is_some()));
        let alone = perfwatch_store::is_engine(self.config.store.url.expose())
            && self.config.store.accounts.is_none();
        if given && !alone {
            return;
        }
        let directory = self.config.store.data_directory.as_ref();
        let file = directory.map(|directory| directory.join(perfwatch_store::FILE_NAME));
        let url = file.map(|file| Secret::new(format!("sqlite:{}", file.display())));
        match (url, given) {
            (Some(url), false) => self.config.store.url = url,
            (Some(url), true) => self.config.store.accounts = Some(url),
            (None, false) => self.problem(
                STORE_KEY,
                "there is no home directory to keep the data in: give --store sqlite:FILE",
            ),
            (None, true) => self.problem(
                "accounts",
                "there is no home directory to keep users in: give --accounts sqlite:FILE",
            ),
        }
    }

    fn read_file(&mut self) {
        let given = self.flags.get_one::<String>(CONFIG_KEY).cloned();
        let given = given.or_else(|| (self.env)("PERFWATCH_CONFIG"));
        if given.is_none() && !Path::new(DEFAULT_FILE).exists() {
            return;
        }
        self.file.path = PathBuf::from(given.unwrap_or_else(|| DEFAULT_FILE.to_owned()));
        let table = std::fs::read_to_string(&self.file.path)
            .map_err(|error| error.to_string())
            .and_then(|text| text.parse().map_err(|error| unreadable(&text, &error)));
        match table {
            Ok(table) => self.entries("", table),
            Err(error) => self.problem(self.file.path.display().to_string(), error),
        }
    }

    /// Collects what a table of the file holds, tables within it included.
    fn entries(&mut self, prefix: &str, table: toml::Table) {
        for (name, value) in table {
            let key = format!("{prefix}{name}");
            let at = format!("{key} in {}", self.file.path.display());
            let known = SETTINGS.iter().find(|setting| setting.file_key() == Some(&key));
            match (known, value) {
                (None, toml::Value::Table(table)) => self.entries(&format!("{key}."), table),
                (None, _) => self.problem(at, unknown(&key)),
                (Some(setting), value) => match text(setting, value) {
                    Some(text) => self.file.entries.push((setting.key, text)),
                    None => self.problem(at, "not a plain value"),
                },
            }
        }
    }
}

/// What is wrong with a file, and where. The error's own text would quote the line, which may hold
/// a password.
fn unreadable(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}: {}", error.message())
}

fn unknown(key: &str) -> String {
    match nearest(key, SETTINGS.iter().filter_map(Setting::file_key)) {
        Some(near) => format!("no such setting; did you mean {near}?"),
        None => "no such setting; --help lists them".to_owned(),
    }
}

/// A value of the file as the text that a flag would give.
fn text(setting: &Setting, value: toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Array(items) if matches!(setting.shape, Shape::Many(_)) => {
            let items: Option<Vec<String>> =
                items.into_iter().map(|item| item.as_str().map(str::to_owned)).collect();
            Some(items?.join(","))
        }
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Array(_) | toml::Value::Table(_) | toml::Value::Datetime(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, time::Duration};

    use sha2::Digest;

    use super::*;

    fn read_with(args: &[&str], env: &[(&str, &str)]) -> Result<Config, ReadError> {
        let args = std::iter::once("perfwatch-server").chain(args.iter().copied());
        let env = |name: &str| {
            env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        Config::read(args.map(OsString::from), &env)
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn the_file_gives_way_to_the_environment_and_that_to_the_flags() {
        let file =
            file("interval = '2s'\nlisten = '[::1]:1'\nhost = 'file'\n[metrics]\nopen = true");
        let path = file.path().to_str().unwrap();
        let env = [("PERFWATCH_CONFIG", path), ("PERFWATCH_INTERVAL", "3s"), ("HOME", "/home/me")];
        let config = read_with(&[], &env).unwrap();
        assert_eq!(config.sampling.interval, Duration::from_secs(3));
        assert_eq!(config.sampling.host.as_deref(), Some("file"));
        assert_eq!(config.http.listen.to_string(), "[::1]:1");
        assert!(config.exposition.open);
        let url = config.store.url.expose();
        assert_eq!(url, "sqlite:/home/me/.local/share/perfwatch/perfwatch.db");

        let flags = ["--interval", "100ms", "--metrics.open=false", "--store=memory:"];
        let config = read_with(&flags, &env).unwrap();
        assert_eq!(config.sampling.interval, Duration::from_millis(100));
        assert!(!config.exposition.open);
        assert_eq!(config.store.url.expose(), "memory:");
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let file = file("intervall = '2s'\nlisten = 5\n[metrics]\nopen = 'maybe'\ntoken_fil = 'x'");
        let path = file.path().to_str().unwrap();
        let flags = ["--config", path, "--interval", "5 parsecs", "--path.procfs=/nowhere"];
        let env = [("PERFWATCH_ADMIN_PASSWORD", "short"), ("PERFWATCH_LOG", "a=b=c")];
        let error = read_with(&flags, &env).unwrap_err().to_string().replace(path, "FILE");
        insta::assert_snapshot!(error, @"
        the configuration cannot be used:
          intervall in FILE: no such setting; did you mean interval?
          metrics.token_fil in FILE: no such setting; did you mean metrics.token_file?
          listen in FILE: `5` is not an address and port such as 127.0.0.1:8000
          metrics.open in FILE: `maybe` is neither true nor false
          PERFWATCH_LOG: `a=b=c` is not a log filter such as info or hyper=warn,debug
          PERFWATCH_ADMIN_PASSWORD: a password has 12 to 1024 characters
          --interval: `5 parsecs` is not a duration such as 500ms, 5s, 1m or 1h
          --path.procfs: `/nowhere` is not a directory
          store: there is no home directory to keep the data in: give --store sqlite:FILE
        ");
    }

    /// A file with a token, for its owner only, and the token's SHA-256.
    fn token_file() -> (tempfile::NamedTempFile, [u8; 32]) {
        let token = "a token in a file";
        (file(token), sha2::Sha256::digest(token).into())
    }

    #[test]
    fn the_token_of_the_higher_layer_wins_however_it_is_given() {
        let (token, in_token_file) = token_file();
        let token = token.path().to_str().unwrap();
        let digits = "ab".repeat(32);
        let read = |in_file: &str, env: &[(&str, &str)], flags: &[&str]| {
            let file = file(&format!("store = 'memory:'\n[metrics]\n{in_file}"));
            let flags = [&["--config", file.path().to_str().unwrap()], flags].concat();
            read_with(&flags, env).unwrap().exposition.token_sha256
        };
        let (as_file, as_digits) =
            (format!("token_file = '{token}'"), format!("token_sha256 = '{digits}'"));
        let (file_flag, digits_flag) =
            (format!("--metrics.token-file={token}"), format!("--metrics.token-sha256={digits}"));
        let (file_variable, digits_variable) = (
            [("PERFWATCH_METRICS_TOKEN_FILE", token)],
            [("PERFWATCH_METRICS_TOKEN_SHA256", digits.as_str())],
        );
        assert_eq!(read(&as_digits, &[], &[&file_flag]), Some(in_token_file));
        assert_eq!(read(&as_file, &[], &[&digits_flag]), Some([0xab; 32]));
        assert_eq!(read(&as_digits, &file_variable, &[]), Some(in_token_file));
        assert_eq!(read(&as_file, &digits_variable, &[]), Some([0xab; 32]));
        assert_eq!(read("", &digits_variable, &[&file_flag]), Some(in_token_file));
        assert_eq!(read("", &file_variable, &[&digits_flag]), Some([0xab; 32]));
    }

    #[test]
    fn two_tokens_in_one_layer_are_a_problem() {
        let (token, _) = token_file();
        let token = token.path().to_str().unwrap();
        let digits = "ab".repeat(32);
        let file = file(&format!("[metrics]\ntoken_file = '{token}'\ntoken_sha256 = '{digits}'"));
        let path = file.path().to_str().unwrap();
        let flags = [
            "--config",
            path,
            "--store=memory:",
            "--metrics.token-file",
            token,
            "--metrics.token-sha256",
            &digits,
        ];
        let env = [
            ("PERFWATCH_METRICS_TOKEN_FILE", token),
            ("PERFWATCH_METRICS_TOKEN_SHA256", digits.as_str()),
        ];
        let error = read_with(&flags, &env).unwrap_err().to_string().replace(path, "FILE");
        insta::assert_snapshot!(error, @"
        the configuration cannot be used:
          metrics.token_sha256 in FILE: metrics.token_file in FILE is given as well; leave one out
          PERFWATCH_METRICS_TOKEN_SHA256: PERFWATCH_METRICS_TOKEN_FILE is given as well; leave one out
          --metrics.token-sha256: --metrics.token-file is given as well; leave one out
        ");
    }

    #[test]
    fn a_file_that_is_no_toml_is_named_with_the_place() {
        let file = file("interval = ");
        let path = file.path().to_str().unwrap();
        let error = read_with(&["--config", path, "--store", "memory:"], &[]).unwrap_err();
        let error = error.to_string();
        assert!(error.contains(path) && error.contains("line 1"), "{error}");
        let error = read_with(&["--config", "/none", "--store", "memory:"], &[]).unwrap_err();
        assert!(error.to_string().contains("/none: No such file"), "{error}");
    }

    #[test]
    fn a_password_in_a_file_that_is_no_toml_is_not_repeated() {
        let url = "postgres://perfwatch:hunter2secret@db/perfwatch";
        for (line, place) in [
            (format!("store = {url}\ninterval = '1s'"), "line 2, column 9"),
            (format!("store = \"{url}\ninterval = '1s'"), "line 2, column 57"),
            (format!("store = \"{url}"), "line 2, column 57"),
            (format!("store = '{url}\n"), "line 2, column 57"),
            (format!("store '{url}'"), "line 2, column 7"),
            (format!("stores = '{url}'\nstores = '{url}'"), "line 3, column 1"),
            (format!("store = '{url}' {url}"), "line 2, column 59"),
            (url.to_owned(), "line 2, column 48"),
        ] {
            let file = file(&format!("# Grüße\n{line}"));
            let path = file.path().to_str().unwrap();
            let error = read_with(&["--config", path, "--store", "memory:"], &[]).unwrap_err();
            let error = error.to_string();
            assert!(!error.contains("hunter2"), "{error}");
            assert!(error.contains(path) && error.contains(place), "{error}");
        }
    }

    #[test]
    fn the_state_directory_of_systemd_comes_first() {
        let env = [("STATE_DIRECTORY", "/var/lib/perfwatch:/x"), ("HOME", "/root")];
        let url = read_with(&[], &env).unwrap().store.url;
        assert_eq!(url.expose(), "sqlite:/var/lib/perfwatch/perfwatch.db");
        assert!(read_with(&[], &[]).unwrap_err().to_string().contains("--store sqlite:FILE"));
    }

    #[test]
    fn an_engine_has_its_accounts_beside_it() {
        let engine = "--store=prometheus+http://vm:8428";
        let env = [("STATE_DIRECTORY", "/var/lib/perfwatch")];
        let accounts = |flags: &[&str]| {
            let store = read_with(flags, &env).unwrap().store;
            store.accounts.map(|url| url.expose().to_owned())
        };
        assert_eq!(accounts(&[engine]).unwrap(), "sqlite:/var/lib/perfwatch/perfwatch.db");
        assert_eq!(accounts(&[engine, "--accounts=sqlite:/x"]).unwrap(), "sqlite:/x");
        assert_eq!(accounts(&["--store=sqlite:/y"]), None);
        let homeless = read_with(&[engine], &[]).unwrap_err().to_string();
        assert!(homeless.contains("--accounts sqlite:FILE"), "{homeless}");
        let both = read_with(&[engine, "--accounts=prometheus+http://a:hunter2@vm"], &env);
        let both = both.unwrap_err().to_string();
        assert!(both.contains("keeps no accounts") && !both.contains("hunter2"), "{both}");
    }

    #[test]
    fn no_secret_is_shown_by_debug() {
        let flags = ["--store=postgres://me:hunter2@db/x", "--accounts=postgres://me:hunter2@db/x"];
        let env = [("PERFWATCH_ADMIN_PASSWORD", "correct horse battery")];
        let text = format!("{:?}", read_with(&flags, &env).unwrap());
        assert!(!text.contains("hunter2") && !text.contains("horse"), "{text}");
    }

    #[test]
    fn the_command_line_is_well_formed() {
        command().debug_assert();
        let help = read_with(&["--help"], &[]).unwrap_err().to_string();
        assert!(
            help.contains("--path.procfs <DIR>") && help.contains("PERFWATCH_LISTEN"),
            "{help}"
        );
    }
}
