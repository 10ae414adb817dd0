//! Connections: who gets one, how long a silent one is kept, and how they end.
//!
//! `axum::serve` keeps a connection that sends half a header for ever, lets a client that never
//! reads pile up kernel memory, and keeps a large answer for as long as a slow one takes to read it,
//! so the daemon owns its accept loop. Nothing here knows a route.

mod accept;
mod answer;
mod places;

pub(crate) use accept::Acceptor;
pub(crate) use places::Place;
