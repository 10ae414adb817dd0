//! How a frame becomes bytes, the same in every backend.
//!
//! A host's series are numbered in the order in which they first have a value ([`Index`]). A frame
//! is its numbers and values, a downsampled frame its numbers and [`Stat`]s, both behind a checksum
//! that also covers where they belong ([`Place`]). Nothing here knows where the bytes lie.

pub(crate) mod frame;
mod host;
mod index;
pub(crate) mod rollup;
mod seal;
mod select;
mod stat;
mod varint;

pub(crate) use host::HostIndex;
pub(crate) use index::Index;
pub(crate) use rollup::Rollup;
use seal::seal;
pub(crate) use seal::{Place, unseal};
pub(crate) use select::Selected;
pub(crate) use stat::Stat;
