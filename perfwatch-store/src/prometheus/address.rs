//! Where an engine is, and what every request to it carries.

use std::{fmt, path::PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::{
    Uri,
    header::{AUTHORIZATION, HeaderName, HeaderValue},
};
use url::Url;

use crate::{
    StoreError,
    open::{IN_PERCENT, bad_url, behind_host},
};

/// Labels that a sample has anyway.
const OWN_LABELS: [&str; 4] = ["host", "series", "decimals", "__name__"];

/// A store's URL, taken apart.
pub(super) struct Address {
    /// Where samples are sent to.
    pub(super) write: Uri,
    /// What stands before `query` and the others.
    pub(super) read: String,
    /// What every request carries; credentials are marked as secret.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// A file with a bearer token.
    pub(super) token_file: Option<PathBuf>,
    /// A file with the certificates to trust, instead of the public ones.
    pub(super) ca_file: Option<PathBuf>,
    /// What every series is labelled with, and asked for by.
    pub(super) labels: Vec<(String, String)>,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").field("write", &self.write.host()).finish_non_exhaustive()
    }
}

impl Address {
    /// Reads `prometheus+http://[user:password@]host:port[/path][?parameters]`.
    ///
    /// # Errors
    /// [`StoreError::BadUrl`], which repeats no part of the URL that may be secret.
    pub(super) fn parse(text: &str) -> Result<Self, StoreError> {
        let plain = text.strip_prefix("prometheus+").unwrap_or(text);
        // A value may hold one.
        let (path, query) = behind_host(plain).split_once('?').unwrap_or((behind_host(plain), ""));
        if path.contains('@') || query.split_once('#').is_some_and(|(_, end)| end.contains('@')) {
            return Err(bad_url(format!(
                "the engine's URL has an `@` behind its host: {IN_PERCENT}"
            )));
        }
        let url =
            Url::parse(plain).map_err(|error| bad_url(format!("the engine's URL: {error}")))?;
        let base = format!("{}{}", origin(&url)?, url.path().trim_end_matches('/'));
        let mut address = Self {
            write: uri(&format!("{base}/api/v1/write"))?,
            read: format!("{base}/api/v1/"),
            headers: basic(&url)?.into_iter().collect(),
            token_file: None,
            ca_file: None,
            labels: Vec::new(),
        };
        for (key, value) in url.query_pairs() {
            address.set(&url, &key, &value)?;
        }
        if address.token_file.is_some() && url.password().is_some() {
            return Err(bad_url("an engine takes either a password or a `token_file`"));
        }
        Ok(address)
    }

    fn set(&mut self, url: &Url, key: &str, value: &str) -> Result<(), StoreError> {
        match key.split_once('.').unwrap_or((key, "")) {
            ("write", "") => self.write = write_uri(url, value)?,
            ("token_file", "") => self.token_file = Some(value.into()),
            ("ca_file", "") => self.ca_file = Some(value.into()),
            ("label", name) if is_label(name) => self.labels.push((name.into(), value.into())),
            ("header", name) => {
                let shown = shown(url, key);
                let wrong = || bad_url(format!("{shown} is no header with a legal value"));
                let name: HeaderName = name.parse().map_err(|_| wrong())?;
                let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
                value.set_sensitive(true);
                self.headers.push((name, value));
            }
            _ => {
                let known = "write, token_file, ca_file, label.NAME and header.NAME";
                let shown = shown(url, key);
                return Err(bad_url(format!("{shown} is none of an engine's, only {known} are")));
            }
        }
        Ok(())
    }
}

/// A parameter, by its name unless that may be a part of a password.
fn shown(url: &Url, key: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let has_at = url.query().is_some_and(|query| query.contains('@'));
    match !has_at && key.chars().all(is_plain) {
        true => format!("the parameter `{key}`"),
        false => format!("a parameter ({IN_PERCENT})"),
    }
}

fn is_label(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(legal)
        && !OWN_LABELS.contains(&name)
}

/// Scheme, host and port.
fn origin(url: &Url) -> Result<String, StoreError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad_url("an engine is spoken to by `prometheus+http:` or `prometheus+https:`"));
    }
    let host = url.host_str().ok_or_else(|| bad_url("the engine's URL names no host"))?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Ok(format!("{}://{host}{port}", url.scheme()))
}

/// Another path of the same server, or a server of its own.
fn write_uri(url: &Url, value: &str) -> Result<Uri, StoreError> {
    if value.starts_with('/') {
        return uri(&format!("{}{value}", origin(url)?));
    }
    let wrong = || bad_url("`write` is neither a path nor an http(s) URL");
    let write = Url::parse(value).map_err(|_| wrong())?;
    if !write.username().is_empty() || write.password().is_some() {
        return Err(bad_url("credentials stand in the engine's URL, not in `write`"));
    }
    uri(&format!("{}{}", origin(&write)?, write.path()))
}

fn uri(text: &str) -> Result<Uri, StoreError> {
    text.parse().map_err(|_| bad_url("the engine's URL is not one"))
}

fn basic(url: &Url) -> Result<Option<(HeaderName, HeaderValue)>, StoreError> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let decoded = |text: &str| -> Vec<u8> {
        // A form's decoding, but for `+`, which is itself here.
        let text = text.replace('+', "%2B");
        url::form_urlencoded::parse(format!("v={text}").as_bytes())
            .next()
            .map(|(_, value)| value.into_owned().into_bytes())
            .unwrap_or_default()
    };
    let mut both = decoded(url.username());
    both.push(b':');
    both.extend(decoded(url.password().unwrap_or_default()));
    let text = format!("Basic {}", STANDARD.encode(both));
    let mut value = HeaderValue::from_str(&text).map_err(|_| bad_url("illegal credentials"))?;
    value.set_sensitive(true);
    Ok(Some((AUTHORIZATION, value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_to_write_and_where_to_read() {
        let places = |text: &str| {
            let address = Address::parse(text).unwrap();
            (address.write.to_string(), address.read)
        };
        let (write, read) = places("prometheus+http://vm:8428");
        assert_eq!(write, "http://vm:8428/api/v1/write");
        assert_eq!(read, "http://vm:8428/api/v1/");
        let (write, read) = places("prometheus+https://m/prometheus/?write=/api/v1/push");
        assert_eq!(write, "https://m/api/v1/push");
        assert_eq!(read, "https://m/prometheus/api/v1/");
        let cluster = "prometheus+http://s:8481/select/0/prometheus\
             ?write=http://i:8480/insert/0/prometheus/api/v1/write";
        assert_eq!(places(cluster).0, "http://i:8480/insert/0/prometheus/api/v1/write");
    }

    #[test]
    fn credentials_are_sent_and_never_shown() {
        let text = "prometheus+http://me:g%40heim+w@vm:8428?header.X-Scope-OrgID=team";
        let address = Address::parse(text).unwrap();
        assert_eq!(address.headers[0].1, "Basic bWU6Z0BoZWltK3c=");
        assert_eq!(address.headers[1].1, "team");
        let shown = format!("{address:?} {:?} {} {}", address.headers, address.write, address.read);
        assert!(
            !shown.contains("heim") && !shown.contains("team") && !shown.contains("Basic"),
            "{shown}"
        );
    }

    #[test]
    fn what_is_wrong_is_named_without_repeating_it() {
        for (text, expected) in [
            ("prometheus+ftp://geheim@vm", "is spoken to by"),
            ("prometheus+http://a:geheim@vm?x=geheim", "the parameter `x`"),
            ("prometheus+http://a:geheim@vm:99999", "invalid port number"),
            ("prometheus+http://a:geheim@vm?token_file=t", "either a password or"),
            ("prometheus+http://vm?label.host=x", "the parameter `label.host`"),
            ("prometheus+http://vm?write=http://a:geheim@i", "credentials stand in"),
            // As they come of a password that is not written in percent.
            ("prometheus+http://me:1?geheim@vm:8428", "written in percent"),
            ("prometheus+http://me:1?geheim=1@vm:8428", "written in percent"),
            ("prometheus+http://me:1?a&geheim!=@vm", "written in percent"),
            ("prometheus+http://me:1?geheim!", "written in percent"),
            ("prometheus+http://me:1?header.geheim@vm", "written in percent"),
            ("prometheus+http://me:/geheim@vm:8428", "written in percent"),
            ("prometheus+http://me:1\\geheim@vm:8428", "written in percent"),
            ("prometheus+http://me:1#geheim@vm:8428", "written in percent"),
            ("prometheus+http://me:gehe/im@vm:8428", "written in percent"),
        ] {
            let error = Address::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("geheim"), "{error}");
        }
    }
}
