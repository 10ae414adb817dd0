//! Connections: who gets one, how long a silent one is kept, and how they end.
//!
//! `axum::serve` keeps a connection that sends half a header for ever and lets a client that never
//! reads pile up kernel memory, so the daemon owns its accept loop. Nothing here knows a route.

mod accept;
mod places;

pub(crate) use accept::Acceptor;
pub(crate) use places::Place;
