//! The newest readings, and the sockets that they go to.
//!
//! The sampler's thread leaves a [`Sample`]; the first socket encodes it, the others send the
//! same bytes. A slow client loses frames and is told how many; it never slows the sampler.

mod hub;
mod message;
mod socket;

pub(crate) use hub::{Hub, Sample};
pub(crate) use message::LiveMessage;
pub(crate) use socket::{Live, refuse};
