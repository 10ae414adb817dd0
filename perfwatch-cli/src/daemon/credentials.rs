//! Who asks: a token or a login, from a file or the environment, never from an argument.

use std::{fmt, fs, path::Path};

use anyhow::{Context, Error, Result};

use crate::failure::Failure;

/// Where credentials come from, for error messages.
pub(super) const HOW: &str = "set PERFWATCH_PASSWORD (and PERFWATCH_USERNAME, if it is not admin), \
                              PERFWATCH_TOKEN or --token-file";

/// What proves who asks.
#[derive(Debug)]
pub(crate) enum Credentials {
    /// A token that a daemon gave out before.
    Token(Secret),
    /// A login.
    Password { username: String, password: Secret },
}

/// A text that no `Debug` shows.
pub(crate) struct Secret(String);

impl Secret {
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl Credentials {
    /// The token of the file, else that of the environment, else the login of the environment.
    pub(crate) fn find(
        token_file: Option<&Path>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>> {
        if let Some(path) = token_file {
            let text = fs::read_to_string(path);
            let text = text.with_context(|| format!("cannot read the token in {}", path.display()));
            return token(&text?, &path.display().to_string()).map(Some);
        }
        if let Some(text) = env("PERFWATCH_TOKEN") {
            return token(&text, "PERFWATCH_TOKEN").map(Some);
        }
        let username = env("PERFWATCH_USERNAME").unwrap_or_else(|| "admin".to_owned());
        let password = env("PERFWATCH_PASSWORD").map(Secret);
        Ok(password.map(|password| Self::Password { username, password }))
    }

    /// What to say where there are none.
    pub(crate) fn absent() -> Error {
        Failure::Usage(format!("the daemon asks for a login: {HOW}")).into()
    }
}

fn token(text: &str, from: &str) -> Result<Credentials> {
    let token = text.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let reason = format!("{from} holds no token: it is one line of letters, digits and signs");
        return Err(Failure::Usage(reason).into());
    }
    Ok(Credentials::Token(Secret(token.to_owned())))
}
