//! How frames become bytes, the same in every backend.
//!
//! A host's series are numbered in the order in which they first have a value ([`Index`]). The
//! newest frames are kept one by one ([`Frame`]: numbers and values behind a checksum that also
//! covers where they belong, [`Place`]), all others by column ([`slice`]). Nothing here knows where
//! the bytes lie.

mod frame;
mod host;
mod index;
pub(crate) mod rollup;
mod seal;
mod select;
pub(crate) mod slice;
mod stat;
pub(crate) mod varint;

pub(crate) use frame::Frame;
pub(crate) use host::{HostIndex, MOST_SERIES, SeriesInfo, host_check, name_check};
pub(crate) use index::Index;
pub(crate) use seal::Place;
use seal::seal;
use seal::unseal;
pub(crate) use select::{Selected, Wanted};
pub(crate) use stat::Stat;
