//! Every setting, once: the command line, the file, the environment, the help and the README's
//! table all walk [`SETTINGS`].

use std::time::Duration;

use perfwatch_collect::MIN_INTERVAL;

use super::{Config, parse};
use crate::secret::Secret;

/// One setting.
pub(super) struct Setting {
    /// Its key in the file, such as `metrics.token_file`; flag and variable follow from it.
    pub(super) key: &'static str,
    /// What a value looks like.
    pub(super) shape: Shape,
    /// What holds where nothing is given.
    pub(super) default: Standard,
    /// Where it may be given.
    pub(super) from: From,
    /// The key of another setting that fills the same field: one layer gives only one of them.
    pub(super) instead_of: Option<&'static str>,
    /// One sentence for people.
    pub(super) help: &'static str,
    /// Reads a value into the configuration, or says what is wrong with it.
    pub(super) set: fn(&mut Config, &str) -> Result<(), String>,
}

/// What a value looks like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One value, called this in the help.
    One(&'static str),
    /// Several values, separated by commas or given repeatedly.
    Many(&'static str),
    /// Yes or no; a flag without a value is yes.
    Switch,
}

/// What holds where nothing is given.
#[derive(Clone, Copy)]
pub(super) enum Standard {
    /// This value.
    Value(&'static str),
    /// What these words describe.
    Words(&'static str),
}

/// Where a setting may be given.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// In the file, the environment and on the command line.
    Anywhere,
    /// In the environment and on the command line: it says where the file is.
    OutsideTheFile,
    /// In the environment only: other users see a command line.
    EnvironmentOnly,
}

/// The key of the setting that names the file.
pub(super) const CONFIG_KEY: &str = "config";

/// The key of the setting whose default depends on the environment.
pub(super) const STORE_KEY: &str = "store";

const DAY: Duration = Duration::from_secs(86_400);

pub(super) static SETTINGS: &[Setting] = &[
    Setting {
        key: "listen",
        shape: Shape::One("ADDR:PORT"),
        default: Standard::Value("127.0.0.1:8000"),
        from: From::Anywhere,
        instead_of: None,
        help: "Address and port to answer on.",
        set: |config, text| parse::address(text).map(|value| config.http.listen = value),
    },
    Setting {
        key: "interval",
        shape: Shape::One("DURATION"),
        default: Standard::Value("5s"),
        from: From::Anywhere,
        instead_of: None,
        help: "Time between two readings of the host, from 100ms to 1h.",
        set: |config, text| {
            let range = MIN_INTERVAL..=Duration::from_secs(3600);
            parse::duration(text, range).map(|value| config.sampling.interval = value)
        },
    },
    Setting {
        key: STORE_KEY,
        shape: Shape::One("URL"),
        default: Standard::Words(
            "the SQLite file `perfwatch.db` in `$STATE_DIRECTORY`, `$XDG_DATA_HOME/perfwatch` or \
             `~/.local/share/perfwatch`",
        ),
        from: From::Anywhere,
        instead_of: None,
        help: "Where history is kept: sqlite:FILE, postgres://USER:PASSWORD@HOST/DATABASE, an engine at \
               prometheus+http://HOST:PORT, or \
               memory: for nowhere.",
        set: |config, text| {
            parse::store_url(text).map(|value| config.store.url = Secret::new(value))
        },
    },
    Setting {
        key: "accounts",
        shape: Shape::One("URL"),
        default: Standard::Words(
            "the store; beside an engine, the SQLite file that would be the default store",
        ),
        from: From::Anywhere,
        instead_of: None,
        help: "Where users and settings are kept, if not with history: sqlite:FILE or postgres://USER:PASSWORD@HOST/DATABASE.",
        set: |config, text| {
            let value = parse::accounts_url(text).map(Secret::new);
            value.map(|value| config.store.accounts = Some(value))
        },
    },
    Setting {
        key: "spool.directory",
        shape: Shape::One("DIR"),
        default: Standard::Words("beside the SQLite file, else `spool` where that would be"),
        from: From::Anywhere,
        instead_of: None,
        help: "Where frames wait on disk while the store is away; made if it is missing.",
        set: |config, text| {
            config.store.spool_directory = Some(text.into());
            Ok(())
        },
    },
    Setting {
        key: "spool.max_bytes",
        shape: Shape::One("SIZE"),
        default: Standard::Value("256MiB"),
        from: From::Anywhere,
        instead_of: None,
        help: "The most disk that these frames take, from 1MiB; 0 keeps them in memory only.",
        set: |config, text| {
            parse::size(text, 1 << 20).map(|value| config.store.spool_max_bytes = value)
        },
    },
    Setting {
        key: CONFIG_KEY,
        shape: Shape::One("FILE"),
        default: Standard::Words("`/etc/perfwatch/perfwatch.toml` if it is there"),
        from: From::OutsideTheFile,
        instead_of: None,
        help: "A TOML file with any of these settings.",
        set: |_, _| Ok(()),
    },
    Setting {
        key: "host",
        shape: Shape::One("NAME"),
        default: Standard::Words("the kernel's host name"),
        from: From::Anywhere,
        instead_of: None,
        help: "Name to keep this host's history under.",
        set: |config, text| parse::host(text).map(|value| config.sampling.host = Some(value)),
    },
    Setting {
        key: "path.procfs",
        shape: Shape::One("DIR"),
        default: Standard::Value("/proc"),
        from: From::Anywhere,
        instead_of: None,
        help: "Where the host's /proc is mounted.",
        set: |config, text| {
            parse::directory(text).map(|value| config.sampling.roots.procfs = value)
        },
    },
    Setting {
        key: "path.sysfs",
        shape: Shape::One("DIR"),
        default: Standard::Value("/sys"),
        from: From::Anywhere,
        instead_of: None,
        help: "Where the host's /sys is mounted.",
        set: |config, text| parse::directory(text).map(|value| config.sampling.roots.sysfs = value),
    },
    Setting {
        key: "path.rootfs",
        shape: Shape::One("DIR"),
        default: Standard::Value("/"),
        from: From::Anywhere,
        instead_of: None,
        help: "Where the host's root file system is mounted.",
        set: |config, text| {
            parse::directory(text).map(|value| config.sampling.roots.rootfs = value)
        },
    },
    Setting {
        key: "auth.token_lifetime",
        shape: Shape::One("DURATION"),
        default: Standard::Value("1d"),
        from: From::Anywhere,
        instead_of: None,
        help: "How long a login lasts, from 1m to 365d.",
        set: |config, text| {
            let range = Duration::from_secs(60)..=365 * DAY;
            parse::duration(text, range).map(|value| config.auth.token_lifetime = value)
        },
    },
    Setting {
        key: "auth.allowed_origins",
        shape: Shape::Many("ORIGIN"),
        default: Standard::Value(""),
        from: From::Anywhere,
        instead_of: None,
        help: "Origins besides its own whose WebSockets and changing requests are accepted, such as the public name https://watch.example.org before a proxy that does not pass Host on.",
        set: |config, text| parse::origins(text).map(|value| config.http.allowed_origins = value),
    },
    Setting {
        key: "auth.trusted_proxies",
        shape: Shape::Many("ADDR"),
        default: Standard::Value(""),
        from: From::Anywhere,
        instead_of: None,
        help: "Addresses of proxies that are believed whom they ask for (X-Forwarded-For): wrong passwords count for that address then, not for the proxy's.",
        set: |config, text| parse::addresses(text).map(|value| config.http.trusted_proxies = value),
    },
    Setting {
        key: "metrics.open",
        shape: Shape::Switch,
        default: Standard::Value("false"),
        from: From::Anywhere,
        instead_of: None,
        help: "Whether /metrics is answered without any token.",
        set: |config, text| parse::flag(text).map(|value| config.exposition.open = value),
    },
    Setting {
        key: "metrics.token_file",
        shape: Shape::One("FILE"),
        default: Standard::Words("none"),
        from: From::Anywhere,
        instead_of: None,
        help: "A file (mode 0600) with the long-lived token that scrapers of /metrics send.",
        set: |config, text| {
            parse::token_file(text).map(|value| config.exposition.token_sha256 = Some(value))
        },
    },
    Setting {
        key: "metrics.token_sha256",
        shape: Shape::One("HEX"),
        default: Standard::Words("none"),
        from: From::Anywhere,
        instead_of: Some("metrics.token_file"),
        help: "The SHA-256 of that token, instead of the file.",
        set: |config, text| {
            parse::sha256(text).map(|value| config.exposition.token_sha256 = Some(value))
        },
    },
    Setting {
        key: "connections.max",
        shape: Shape::One("COUNT"),
        default: Standard::Value("512"),
        from: From::Anywhere,
        instead_of: None,
        help: "Connections held at once.",
        set: |config, text| {
            parse::number(text, 1..=65_536).map(|value| config.http.max_connections = value)
        },
    },
    Setting {
        key: "connections.per_address",
        shape: Shape::One("COUNT"),
        default: Standard::Value("256"),
        from: From::Anywhere,
        instead_of: None,
        help: "Connections held at once from one address.",
        set: |config, text| {
            let value = parse::number(text, 1..=65_536);
            value.map(|value| config.http.max_connections_per_address = value)
        },
    },
    Setting {
        key: "log",
        shape: Shape::One("FILTER"),
        default: Standard::Value("info"),
        from: From::Anywhere,
        instead_of: None,
        help: "Which log lines are written to standard error: error, warn, info, debug, trace.",
        set: |config, text| parse::log_filter(text).map(|value| config.log = value),
    },
    Setting {
        key: "admin_password",
        shape: Shape::One("PASSWORD"),
        default: Standard::Words("a random one, printed once"),
        from: From::EnvironmentOnly,
        instead_of: None,
        help: "First password of the user admin, at least 12 characters; unused afterwards (then: perfwatch store password).",
        set: |config, text| {
            let value = parse::password(text).map(Secret::new);
            value.map(|value| config.auth.admin_password = Some(value))
        },
    },
];

impl Setting {
    /// The variable that holds it, such as `PERFWATCH_METRICS_TOKEN_FILE`.
    pub(super) fn variable(&self) -> String {
        format!("PERFWATCH_{}", self.key.replace('.', "_").to_ascii_uppercase())
    }

    /// The flag that gives it, such as `metrics.token-file`.
    pub(super) fn flag(&self) -> Option<String> {
        (self.from != From::EnvironmentOnly).then(|| self.key.replace('_', "-"))
    }

    /// Its key in the file, if it may stand there.
    pub(super) fn file_key(&self) -> Option<&'static str> {
        (self.from == From::Anywhere).then_some(self.key)
    }
}

/// Puts every default in its place.
pub(super) fn apply_defaults(config: &mut Config) {
    for setting in SETTINGS {
        if let Standard::Value(text) = setting.default {
            // A test holds every default against its own parser; a host without /sys keeps the
            // path that is there already.
            let _ = (setting.set)(config, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_setting_is_well_formed() {
        let mut seen = HashSet::new();
        for Setting { key, shape, default, instead_of, help, set, .. } in SETTINGS {
            assert!(seen.insert(key), "{key} is there twice");
            let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._".contains(c);
            assert!(key.chars().all(legal), "{key} is no key");
            assert!(help.ends_with('.') && help.starts_with(char::is_uppercase), "{key}: {help}");
            let known = |other: &&str| SETTINGS.iter().any(|setting| setting.key == *other);
            assert!(instead_of.iter().all(known), "{key} stands for {instead_of:?}");
            if let Standard::Value(text) = default {
                let mut config = Config::default();
                assert_eq!(set(&mut config, text), Ok(()), "the default of {key}");
            }
            if let Shape::One(name) | Shape::Many(name) = shape {
                assert!(name.chars().all(|c| c.is_ascii_uppercase() || c == ':'), "{key}: {name}");
            }
        }
    }
}
