//! What stores of many hosts cost: PostgreSQL beside the plainest layout of the same frames, and an
//! engine that a thousand hosts write to.

mod fleet;
mod lag;
mod plain;
mod postgres;
mod receiver;
mod sheet;

pub use fleet::{Fleet, Stretch, fleet};
pub use postgres::{compare, print};
pub use receiver::Received;
