//! Where a database is, and as whom to ask it.

use std::{fmt, str::FromStr};

use sqlx::postgres::PgConnectOptions;

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
    /// A URL, and what was made of it.
    pub(super) fn new(url: &str, options: PgConnectOptions) -> Self {
        Self { url: url.to_owned(), options }
    }

    /// How to connect now. The file of passwords that `PGPASSFILE` names may have another one by now,
    /// and the library reads it only with a URL.
    pub(super) fn options(&self) -> PgConnectOptions {
        let Ok(anew) = PgConnectOptions::from_str(&self.url) else { return self.options.clone() };
        let options = anew.ssl_mode(self.options.get_ssl_mode());
        options.application_name(self.options.get_application_name().unwrap_or_default())
    }
}
