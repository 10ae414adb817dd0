//! The newest readings, and the sockets that they go to.
//!
//! The sampler's thread leaves a [`Sample`]; the first socket encodes it, the others send the
//! same bytes. Of another host, what the store has takes the place of samples. A slow client loses
//! frames and is told how many; it never slows the sampler.

mod hub;
mod message;
mod other;
mod socket;
mod stored;

pub(crate) use hub::{Hub, Sample};
pub(crate) use message::LiveMessage;
pub(crate) use other::Others;
pub(crate) use socket::{Live, Watched, refuse};
pub(crate) use stored::StoredFrame;
