//! What a host's numbers are called, what they mean, and how two readings become a rate.
//!
//! A [`Table`] lists the fields of one kind of thing, once ([`metric_table!`]). A collector writes
//! raw readings into [`Block`]s; a [`Frame`] is all blocks of one moment; a [`View`] is a frame as
//! people read it: rates, percentages and ratios, each rounded to the decimals of its unit.
//! Every output (JSON, Prometheus text, history columns, the catalog) walks the tables.
//!
//! This crate reads no file, knows no path, no SQL and no HTTP, and nothing in it can fail at run
//! time: a number that cannot be had is [`MISSING`], never 0.

mod block;
mod decimal;
mod frame;
mod growth;
mod json;
mod plan;
pub mod prometheus;
pub mod series;
mod table;
pub mod text;
mod unit;
mod view;

pub use block::{Block, Keys, RowMut};
pub use decimal::{Decimal, MISSING};
pub use frame::Frame;
pub use growth::growth;
pub use table::{Code, Column, Derived, Field, FieldId, Kind, Per, Source, Table};
pub use unit::Unit;
pub use view::{View, ViewBlock};

#[doc(hidden)]
pub use table::{MOST_FIELDS, columns, visible};
