//! One file per group of routes. A handler translates: from a request to a question, from the
//! answer to JSON. What it asks lives elsewhere.

pub(crate) mod auth;
pub(crate) mod catalog;
pub(crate) mod changes;
pub(crate) mod compare;
pub(crate) mod config;
pub(crate) mod dashboard;
pub(crate) mod exposition;
pub(crate) mod health;
pub(crate) mod history;
pub(crate) mod hosts;
pub(crate) mod live;
pub(crate) mod openapi;
pub(crate) mod retention;
