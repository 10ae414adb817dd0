//! Which few numbers say how a host is, where many hosts stand side by side.

/// The series of an overview, in its order: each a percentage, of which more is worse.
pub static VITALS: [&str; 5] = [
    "cpu.usage_percent",
    "memory.usage_percent",
    "pressure.cpu.some_avg10_percent",
    "pressure.memory.some_avg10_percent",
    "pressure.io.some_avg10_percent",
];

#[cfg(test)]
mod tests {
    use perfwatch_core::{
        Unit,
        series::{column_of, segments},
    };

    use super::*;
    use crate::{MetricsAggregator, Roots};

    #[test]
    fn every_vital_is_a_percentage_of_a_table() {
        let tables = MetricsAggregator::new(&Roots::default()).tables();
        for path in VITALS {
            let column = column_of(&tables, &segments(path).unwrap());
            assert_eq!(column.map(|column| column.unit), Some(Unit::Percent), "{path}");
        }
    }
}
