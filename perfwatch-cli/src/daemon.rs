//! A PerfWatch daemon, asked over HTTP.
//!
//! A secret is sent to the daemon and nowhere else: no proxy, no redirect, no error message. Every
//! error names the address and what to do.

mod credentials;
mod trust;

use std::{io, time::Duration};

use anyhow::{Error, Result, anyhow};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use ureq::{Agent, Body, http::Response};

pub(crate) use credentials::Credentials;
use trust::Trust;

use crate::{args::Access, environment::environment, failure::Failure};

const PATIENCE: Duration = Duration::from_secs(10);

/// No answer of a daemon is larger.
const LARGEST_ANSWER: u64 = 64 << 20;

/// No complaint of a server is worth more.
const LONGEST_DETAIL: usize = 300;

pub(crate) struct Daemon {
    agent: Agent,
    /// Without a slash at its end.
    address: String,
    /// The value of the header `Authorization`.
    authorization: Option<String>,
    trust: Trust,
}

#[derive(Deserialize)]
struct Login {
    access_token: String,
}

/// The body of every error of a daemon.
#[derive(Deserialize)]
struct Refusal {
    detail: String,
}

impl Daemon {
    /// The daemon, asked with what the command line and the environment give; nothing where they
    /// give no login.
    pub(crate) fn find(url: &str, access: &Access) -> Result<Option<Self>> {
        let credentials = Credentials::find(access.token_file.as_deref(), &environment)?;
        credentials.map(|it| Self::anonymous(url, access)?.log_in(&it)).transpose()
    }

    /// A daemon that asks for no login, or will refuse.
    pub(crate) fn anonymous(url: &str, access: &Access) -> Result<Self> {
        Self::new(url, Trust::find(access.ca_file.as_deref(), &environment)?)
    }

    fn new(url: &str, trust: Trust) -> Result<Self> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .tls_config(trust.tls())
            .timeout_global(Some(PATIENCE));
        let address = address(url)?;
        Ok(Self { agent: config.build().into(), address, authorization: None, trust })
    }

    /// Logs in, or takes the token.
    fn log_in(mut self, credentials: &Credentials) -> Result<Self> {
        let token = match credentials {
            Credentials::Token(token) => token.expose().to_owned(),
            Credentials::Password { username, password } => {
                self.token(username, password.expose())?
            }
        };
        self.authorization = Some(format!("Bearer {token}"));
        Ok(self)
    }

    /// The body of the answer at this path.
    pub(crate) fn get(&self, path: &str) -> Result<String> {
        let mut request = self.agent.get(format!("{}{path}", self.address));
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        self.body(request.call(), "the token")
    }

    /// The same, read as JSON.
    pub(crate) fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        serde_json::from_str(&self.get(path)?).map_err(|_| self.stranger())
    }

    /// What to say when the answer is none of a PerfWatch daemon.
    pub(crate) fn stranger(&self) -> Error {
        anyhow!("{} is not a PerfWatch daemon; check the address and port", self.address)
    }

    fn token(&self, username: &str, password: &str) -> Result<String> {
        let request = self.agent.post(format!("{}/api/auth/login", self.address));
        let answer = request.send_json(json!({"username": username, "password": password}));
        let body = self.body(answer, "the user name or the password")?;
        let login: Login = serde_json::from_str(&body).map_err(|_| self.stranger())?;
        Ok(login.access_token)
    }

    /// The body of a good answer, or what is wrong; `proof` is what the daemon was shown.
    fn body(
        &self,
        answer: std::result::Result<Response<Body>, ureq::Error>,
        proof: &str,
    ) -> Result<String> {
        let mut answer = answer.map_err(|error| self.unreachable(error))?;
        let body = answer.body_mut().with_config().limit(LARGEST_ANSWER).read_to_string();
        let body = body.map_err(|error| self.unreachable(error))?;
        let address = &self.address;
        match answer.status().as_u16() {
            200 => Ok(body),
            401 if self.authorization.is_none() && proof == "the token" => {
                Err(anyhow!("{address} asks for a login: {}", credentials::HOW))
            }
            401 => Err(anyhow!("{address} refused {proof}: {}", credentials::HOW)),
            status => Err(match serde_json::from_str::<Refusal>(&body) {
                // Other programs answer 404 with a detail too, but with none about a host.
                Ok(refusal) if status != 404 || refusal.detail.starts_with("host: ") => {
                    let detail: String = refusal.detail.chars().take(LONGEST_DETAIL).collect();
                    anyhow!("{address} answered with status {status}: {detail}")
                }
                _ => self.stranger(),
            }),
        }
    }

    fn unreachable(&self, error: ureq::Error) -> Error {
        let address = &self.address;
        let reason = match error {
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                "nothing listens there; start the daemon, or check the address and port".to_owned()
            }
            ureq::Error::HostNotFound => "there is no host of this name".to_owned(),
            ureq::Error::Timeout(_) => format!("no answer within {} s", PATIENCE.as_secs()),
            ureq::Error::Protocol(_) => return self.stranger(),
            error if trust::is_lacking(&error) => format!("{error}: {}", self.trust.cure()),
            error => error.to_string(),
        };
        anyhow!("cannot reach {address}: {reason}")
    }
}

/// The text as a query may hold it.
pub(crate) fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The address without a slash at its end. It is repeated in errors, so it must hold no secret.
fn address(url: &str) -> Result<String> {
    let usage = |reason: &str| Error::new(Failure::Usage(format!("bad --server: {reason}")));
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let host = rest.ok_or_else(|| usage("the address begins with http:// or https://"))?;
    if host.contains('@') {
        return Err(usage(
            "a login does not belong in an address, where others can see it; \
             set PERFWATCH_USERNAME and PERFWATCH_PASSWORD",
        ));
    }
    let strange = |c: char| c.is_whitespace() || c.is_control() || "?#\"<>\\".contains(c);
    if host.trim_matches('/').is_empty() || host.contains(strange) {
        return Err(usage("expected an address such as http://127.0.0.1:8000"));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests;
