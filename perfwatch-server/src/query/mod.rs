//! From parameters to a question that the store understands, and from its answer to a tree.
//!
//! What is not understood is refused with the parameter's name and what would be accepted. No
//! handler is here, and nothing here asks the store for values.

mod fields;
mod params;
mod tree;
mod unit;

pub(crate) use fields::{check_host, metric_types, patterns};
pub(crate) use params::{
    Range, aggregates, check, choice, interval, limit, limit_to, positive, range, required_time,
};
pub(crate) use tree::{Number, Point, Tree};
pub(crate) use unit::unit_of;
