//! The PerfWatch daemon: it watches this host, keeps what it saw, and answers over HTTP.
//!
//! [`Config::read`] says what to do, [`Daemon::open`] opens the store, [`Daemon::serve`] runs until
//! it is told to stop. This crate is the only one that knows HTTP; it knows no metric's name and
//! no store's language.

mod app;
mod auth;
mod cleanup;
pub mod config;
mod counts;
mod daemon;
mod duration;
mod error;
mod extract;
mod first_user;
mod gate;
mod hosts;
mod identity;
mod live;
mod net;
mod outage;
mod query;
mod respond;
mod router;
mod routes;
mod secret;
mod start_error;
mod stop;
mod time;
mod way;

pub use config::{Config, data_file, settings_markdown, shown_place};
pub use daemon::{Daemon, serve};
pub use router::openapi;
pub use routes::catalog::{CatalogAnswer, catalog_of};
pub use secret::Secret;
pub use start_error::StartError;
