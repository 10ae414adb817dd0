//! Which history file is meant.

use std::path::PathBuf;

use anyhow::Result;
use perfwatch_store::{FILE_NAME, data_directory, file_of};

use crate::failure::Failure;

/// Where the packaged service keeps its history.
const OF_THE_SERVICE: &str = "/var/lib/perfwatch";

/// The file that is named, else the one of `PERFWATCH_STORE`, else the one that a daemon of this
/// user or the packaged service keeps. It may not be there.
pub(crate) fn history_file(named: Option<&str>) -> Result<PathBuf> {
    let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let of_environment = || Some(("PERFWATCH_STORE: ", env("PERFWATCH_STORE")?));
    let named = named.filter(|text| !text.is_empty()).map(|text| ("", text.to_owned()));
    match named.or_else(of_environment) {
        Some((whose, text)) => {
            file_of(&text).map_err(|error| Failure::Usage(format!("{whose}{error}")).into())
        }
        None => usual(&env),
    }
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
