//! How the process ends: 0 done, 1 something failed, 2 asked wrongly.
//!
//! `changes` ends like `diff`: 0 nothing changed, 1 something did, 2 it could not be said.

use std::{fmt, io};

use anyhow::{Error, Result};

/// A failure with an exit code of its own.
#[derive(Debug)]
pub enum Failure {
    /// The command line or the environment asks for something impossible.
    Usage(String),
    /// What was asked could not be answered, and 1 would be an answer.
    Trouble(Error),
    /// Everything was said already; only the exit code tells.
    Told,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(reason) => f.write_str(reason),
            // The alternate form has the causes.
            Self::Trouble(error) => write!(f, "{error:#}"),
            Self::Told => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

/// Makes any failure one that ends with 2, for a command whose 1 is an answer.
pub(crate) fn trouble(error: Error) -> Error {
    // What is a failure of our own has its code already.
    if error.is::<Failure>() { error } else { Failure::Trouble(error).into() }
}

/// The exit code of an outcome. A reader that closed the pipe has seen enough: that is no failure.
pub fn exit_code(outcome: &Result<()>) -> u8 {
    let Err(error) = outcome else { return 0 };
    if let Some(Failure::Usage(_) | Failure::Trouble(_)) = error.downcast_ref() {
        return 2;
    }
    // Only writing to the screen hands on a bare I/O error; the network's are told in words.
    let written = error.downcast_ref::<io::Error>();
    u8::from(written.is_none_or(|error| error.kind() != io::ErrorKind::BrokenPipe))
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn outcomes_have_their_codes() {
        let pipe = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(exit_code(&Ok(())), 0);
        assert_eq!(exit_code(&Err(pipe().into())), 0);
        assert_eq!(exit_code(&Err(anyhow!("no"))), 1);
        assert_eq!(exit_code(&Err(Failure::Told.into())), 1);
        assert_eq!(exit_code(&Err(Failure::Usage("bad".into()).into())), 2);
        let away = || anyhow!("refused").context("cannot reach it");
        assert_eq!(exit_code(&Err(trouble(away()))), 2);
        assert_eq!(exit_code(&Err(trouble(Failure::Told.into()))), 1);
        assert_eq!(trouble(away()).to_string(), "cannot reach it: refused");
    }
}
