//! How the process ends: 0 done, 1 something failed, 2 asked wrongly.

use std::{fmt, io};

use anyhow::Result;

/// A failure with an exit code of its own.
#[derive(Debug)]
pub enum Failure {
    /// The command line or the environment asks for something impossible.
    Usage(String),
    /// Everything was said already; only the exit code tells.
    Told,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(reason) => f.write_str(reason),
            Self::Told => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

/// The exit code of an outcome. A reader that closed the pipe has seen enough: that is no failure.
pub fn exit_code(outcome: &Result<()>) -> u8 {
    let Err(error) = outcome else { return 0 };
    if let Some(Failure::Usage(_)) = error.downcast_ref() {
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
    }
}
