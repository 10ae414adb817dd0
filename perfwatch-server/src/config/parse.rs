//! From text to a value, with a message that says what would be accepted.

use std::{
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use perfwatch_store::PASSWORD_LENGTH;
use sha2::{Digest, Sha256};

use crate::duration;

/// A scrape token shorter than this could be guessed.
const MIN_TOKEN: usize = 16;

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.replace("localhost:", "127.0.0.1:")
        .parse()
        .map_err(|_| format!("`{text}` is not an address and port such as 127.0.0.1:8000"))
}

pub(super) fn duration(text: &str, range: RangeInclusive<Duration>) -> Result<Duration, String> {
    let value = duration::parse(text)
        .ok_or_else(|| format!("`{text}` is not a duration such as 500ms, 5s, 1m or 1h"))?;
    if range.contains(&value) {
        return Ok(value);
    }
    let (low, high) = (duration::format(*range.start()), duration::format(*range.end()));
    Err(format!("`{text}` is not between {low} and {high}"))
}

pub(super) fn number(text: &str, range: RangeInclusive<usize>) -> Result<usize, String> {
    text.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
        format!("`{text}` is not a whole number from {} to {}", range.start(), range.end())
    })
}

/// Bytes: 0, or at least so many.
pub(super) fn size(text: &str, least: u64) -> Result<u64, String> {
    const UNITS: [(&str, u64); 4] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("", 1)];
    let unit = UNITS.iter().find(|(name, _)| text.ends_with(name));
    let value = unit.and_then(|(name, bytes)| {
        text.strip_suffix(name)?.trim().parse::<u64>().ok()?.checked_mul(*bytes)
    });
    match value {
        None => Err(format!("`{text}` is not a size such as 64MiB, 1GiB or 1048576")),
        Some(value) if value != 0 && value < least => {
            Err(format!("`{text}` is neither 0 nor at least {least} bytes"))
        }
        Some(value) => Ok(value),
    }
}

pub(super) fn flag(text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(format!("`{text}` is neither true nor false")),
    }
}

pub(super) fn directory(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_dir() { Ok(path) } else { Err(format!("`{text}` is not a directory")) }
}

pub(super) fn host(text: &str) -> Result<String, String> {
    let fits = (1..=255).contains(&text.len()) && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned()).ok_or_else(|| "a host name has 1 to 255 characters".to_owned())
}

pub(super) fn store_url(text: &str) -> Result<String, String> {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme);
    match scheme {
        Some(scheme) if !scheme.is_empty() && !scheme.contains('/') => Ok(text.to_owned()),
        // What is given is not repeated: it may hold a password.
        _ => Err("not a store's URL such as sqlite:/var/lib/perfwatch/perfwatch.db".to_owned()),
    }
}

pub(super) fn accounts_url(text: &str) -> Result<String, String> {
    if perfwatch_store::is_engine(text) {
        return Err("an engine keeps no accounts: give sqlite:FILE or a postgres: URL".to_owned());
    }
    store_url(text)
}

pub(super) fn origins(text: &str) -> Result<Vec<String>, String> {
    items(text).map(origin).collect()
}

pub(super) fn addresses(text: &str) -> Result<Vec<IpAddr>, String> {
    let address = |text: &str| text.parse().map(|address: IpAddr| address.to_canonical());
    let wrong = |text| format!("`{text}` is not an address such as 127.0.0.1 or ::1");
    items(text).map(|text| address(text).map_err(|_| wrong(text))).collect()
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

fn origin(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match host {
        Some(host) if !host.is_empty() && !host.contains('/') => Ok(text.to_ascii_lowercase()),
        _ => Err(format!("`{text}` is not an origin such as https://example.org:8443")),
    }
}

pub(super) fn password(text: &str) -> Result<&str, String> {
    let fits = PASSWORD_LENGTH.contains(&text.chars().count());
    let (least, most) = PASSWORD_LENGTH.into_inner();
    fits.then_some(text).ok_or_else(|| format!("a password has {least} to {most} characters"))
}

pub(super) fn log_filter(text: &str) -> Result<String, String> {
    tracing_subscriber::EnvFilter::try_new(text)
        .map(|_| text.to_owned())
        .map_err(|_| format!("`{text}` is not a log filter such as info or hyper=warn,debug"))
}

/// The SHA-256 in a text of 64 hexadecimal digits.
pub(super) fn sha256(text: &str) -> Result<[u8; 32], String> {
    let wrong = || "not the 64 hexadecimal digits that sha256sum prints".to_owned();
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return Err(wrong());
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        let digits = text.get(2 * index..2 * index + 2).unwrap_or_default();
        *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
    }
    Ok(bytes)
}

/// The SHA-256 of the token in a file that only its owner may read.
pub(super) fn token_file(text: &str) -> Result<[u8; 32], String> {
    let path = Path::new(text);
    let failed = |error: std::io::Error| format!("cannot read {text}: {error}");
    let mode = path.metadata().map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(format!("others may read {text}: run chmod 600 {text}"));
    }
    let token = std::fs::read_to_string(path).map_err(failed)?;
    let token = token.trim();
    if token.len() < MIN_TOKEN {
        return Err(format!("the token in {text} has fewer than {MIN_TOKEN} characters"));
    }
    Ok(Sha256::digest(token).into())
}
