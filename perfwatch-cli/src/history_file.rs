//! Which history file is meant.

use std::{fmt::Display, path::PathBuf};

use anyhow::{Error, Result};
use perfwatch_store::{FILE_NAME, data_directory, file_of, is_engine, is_server};

use crate::{environment::environment, failure::Failure};

/// Where the packaged service keeps its history.
const OF_THE_SERVICE: &str = "/var/lib/perfwatch";

/// The variables that say to a daemon where its history and its users are.
const STORE: &str = "PERFWATCH_STORE";
const ACCOUNTS: &str = "PERFWATCH_ACCOUNTS";

/// A store that frames can be brought to.
#[derive(Debug)]
pub(crate) enum Target {
    /// A history file; it may not be there.
    File(PathBuf),
    /// The URL of a server. It may hold a password.
    Server(String),
}

/// The file that is named, else the one of `PERFWATCH_STORE`, else the one that a daemon of this
/// user or the packaged service keeps. It may not be there.
pub(crate) fn history_file(named: Option<&str>) -> Result<PathBuf> {
    match meant(named, &[STORE]) {
        Some((whose, text)) => file(whose, &text),
        None => usual(&environment),
    }
}

/// The same, where a server will do too.
pub(crate) fn target(named: Option<&str>) -> Result<Target> {
    target_of(meant(named, &[STORE]))
}

/// What keeps the users of a daemon with this environment.
pub(crate) fn accounts_target(named: Option<&str>) -> Result<Target> {
    match meant(named, &[ACCOUNTS, STORE]) {
        // Beside an engine they are in the usual file.
        Some((whose, text)) if is_engine(&text) && whose == STORE => target_of(None),
        Some((whose, text)) if is_engine(&text) => {
            Err(wrong(whose, "an engine keeps no users: name the file or the PostgreSQL that does"))
        }
        meant => target_of(meant),
    }
}

fn target_of(meant: Option<(&'static str, String)>) -> Result<Target> {
    match meant {
        Some((_, text)) if is_server(&text) => Ok(Target::Server(text)),
        Some((whose, text)) => file(whose, &text).map(Target::File),
        None => usual(&environment).map(Target::File),
    }
}

/// What was said, and by which of the variables; by none where it is named.
fn meant(named: Option<&str>, variables: &[&'static str]) -> Option<(&'static str, String)> {
    let named = named.filter(|text| !text.is_empty()).map(|text| ("", text.to_owned()));
    named.or_else(|| variables.iter().find_map(|&name| Some((name, environment(name)?))))
}

fn file(whose: &str, text: &str) -> Result<PathBuf> {
    file_of(text).map_err(|error| wrong(whose, error))
}

/// Blames the variable, if it was one.
fn wrong(variable: &str, what: impl Display) -> Error {
    let colon = if variable.is_empty() { "" } else { ": " };
    Failure::Usage(format!("{variable}{colon}{what}")).into()
}

fn usual(env: &dyn Fn(&str) -> Option<String>) -> Result<PathBuf> {
    let of_service = PathBuf::from(OF_THE_SERVICE).join(FILE_NAME);
    match data_directory(env).map(|directory| directory.join(FILE_NAME)) {
        Some(own) if own.exists() || !of_service.exists() => Ok(own),
        None if !of_service.exists() => {
            let reason = "there is no home directory to look in: name the history file";
            Err(Failure::Usage(reason.to_owned()).into())
        }
        _ => Ok(of_service),
    }
}
