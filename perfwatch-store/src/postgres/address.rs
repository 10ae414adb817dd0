//! Where a database is, and as whom to ask it.

use std::{fmt, str::FromStr};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tracing::subscriber::{NoSubscriber, with_default};
use url::Url;

use crate::{
    StoreError,
    open::{IN_PERCENT, bad_url, behind_host},
};

/// What may stand behind a URL's `?`; with `options[NAME]`, a setting of the server.
const PARAMETERS: [&str; 18] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "statement-cache-capacity",
    // Other spellings.
    "ssl-mode",
    "ssl-root-cert",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
];

/// What a URL says. It may hold a password, so it is never shown.
pub(super) struct Address {
    url: String,
    options: PgConnectOptions,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").finish_non_exhaustive()
    }
}

impl Address {
    /// Reads a URL. Unless it says otherwise, the server's certificate is verified.
    ///
    /// # Errors
    /// [`StoreError::BadUrl`], which repeats nothing of it.
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        if behind_host(url).contains('@') {
            return Err(bad_url(format!("`postgres:` has an `@` behind its host: {IN_PERCENT}")));
        }
        // What the parsers say of a URL may repeat parts of it.
        let wrong = || {
            bad_url("`postgres:` needs a URL such as postgres://USER:PASSWORD@HOST:5432/DATABASE")
        };
        let parsed = Url::parse(url).map_err(|_| wrong())?;
        // The library would log what it does not know, with its value.
        if parsed.query_pairs().any(|(name, _)| !is_known(&name)) {
            let known = PARAMETERS.join(", ");
            return Err(bad_url(format!(
                "`postgres:` has a parameter that there is not, only {known}"
            )));
        }
        let options = read(url).map_err(|_| wrong())?;
        let asked = parsed.query_pairs().any(|(name, _)| matches!(&*name, "sslmode" | "ssl-mode"));
        let options = match (options.get_socket(), asked) {
            (Some(_), _) => options.ssl_mode(PgSslMode::Disable),
            (None, false) => options.ssl_mode(PgSslMode::VerifyFull),
            (None, true) => options,
        };
        Ok(Self { url: url.to_owned(), options: options.application_name("perfwatch") })
    }

    /// Where it is, without who asks: for messages.
    pub(super) fn place(&self) -> String {
        let options = &self.options;
        let database = options.get_database().unwrap_or(options.get_username());
        match options.get_socket() {
            Some(socket) => format!("the database {database} at {}", socket.display()),
            None => {
                format!("the database {database} at {}:{}", options.get_host(), options.get_port())
            }
        }
    }

    /// How to connect now. The file of passwords that `PGPASSFILE` names may have another one by now,
    /// and the library reads it only with a URL.
    pub(super) fn options(&self) -> PgConnectOptions {
        let Ok(anew) = read(&self.url) else { return self.options.clone() };
        let options = anew.ssl_mode(self.options.get_ssl_mode());
        options.application_name(self.options.get_application_name().unwrap_or_default())
    }
}

fn is_known(parameter: &str) -> bool {
    let is_setting = parameter.starts_with("options[") && parameter.ends_with(']');
    is_setting || PARAMETERS.contains(&parameter)
}

/// What a URL says, with the password that a file has for it.
///
/// In silence: the library logs a line of that file that it cannot read, and whoever writes a
/// password alone into it would find it in the log.
fn read(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    with_default(NoSubscriber::default(), || PgConnectOptions::from_str(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_said_holds_a_password() {
        let address = Address::parse("postgres://me:s3cret@db.example:5433/watch").unwrap();
        assert_eq!(address.place(), "the database watch at db.example:5433");
        assert!(!format!("{address:?}").contains("s3cret"));
        let error = Address::parse("postgres://me:s3cret@db.example:port/watch").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    }

    #[test]
    fn a_parameter_that_nobody_knows_is_refused_and_not_repeated() {
        for text in [
            "postgres://me@db/watch?sslpassword=s3cret",
            "postgres://me@db/watch?sslmode=require&pasword=s3cret",
            "postgres://me@db/watch?sslmode=require&s3cret",
            "postgres://me:1?s3cret/2",
            "postgres:///watch?host=/run/postgresql&user=me&Password=s3cret",
        ] {
            let error = Address::parse(text).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains("only sslmode, sslrootcert"), "{text}: {shown}");
            assert!(!shown.contains("s3cret") && !shown.contains("word="), "{text}: {shown}");
        }
        for key in PARAMETERS.into_iter().chain(["options[search_path]"]) {
            let value = match key {
                "sslmode" | "ssl-mode" => "require",
                "hostaddr" => "127.0.0.1",
                _ => "9",
            };
            Address::parse(&format!("postgres://me@db/watch?{key}={value}")).unwrap();
        }
    }

    #[test]
    fn a_password_that_is_not_written_in_percent_is_no_place() {
        for text in [
            "postgres://me:/s3cret@db/watch",
            "postgres://me:s3/cret@db/watch",
            "postgres://me:1/s3cret@db:5432/watch?sslmode=require",
            "postgres://me:?s3cret@db/watch",
            "postgres://me:1?user=s3cret@db/watch",
            "postgres://me:1#s3cret@db/watch",
            "postgres:me:s3cret@db/watch",
            "postgres:/me:s3cret@db/watch",
        ] {
            let error = Address::parse(text).map(|address| format!("{address:?}")).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains("written in percent"), "{text}: {shown}");
            assert!(!shown.contains("cret") && !shown.contains("s3"), "{text}: {shown}");
        }
        // One in front of the host is the user's or the password's.
        let address = Address::parse("postgres://me:a@s3cret%2F@db/watch").unwrap();
        assert_eq!(address.place(), "the database watch at db:5432");
    }
}
