//! Who may use the API: passwords, tokens, and the throttle on logins.
//!
//! A login gives a signed token; every request's token is checked against the accounts, so that a
//! logout or a new password takes effect at once. Only this module sees hashes and secrets.

mod forwarded;
mod origin;
mod password;
mod secret_file;
mod session;
mod throttle;
mod token;

pub(crate) use forwarded::asker;
pub(crate) use origin::is_allowed;
pub(crate) use password::{Passwords, Verdict};
pub(crate) use secret_file::{SigningSecret, keep, load_or_create, random as random_secret};
pub(crate) use session::{Session, Sessions, bearer};
pub(crate) use throttle::{Throttle, network};
pub(crate) use token::Tokens;
