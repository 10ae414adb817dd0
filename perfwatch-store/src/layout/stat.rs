//! What is kept of many values of one series: enough for every aggregate, exactly.

/// Count, sum, lowest, highest and newest of some values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stat {
    /// How many values; with 0 the rest means nothing.
    pub(crate) count: u64,
    /// Their sum: 128 bits, so that no number of 64-bit values overflows it.
    pub(crate) sum: i128,
    /// The lowest.
    pub(crate) min: i64,
    /// The highest.
    pub(crate) max: i64,
    /// The newest.
    pub(crate) last: i64,
    /// When the newest was measured: late frames are merged in any order.
    pub(crate) last_ms: i64,
}

impl Stat {
    /// One value.
    pub(crate) fn of(value: i64, timestamp_ms: i64) -> Self {
        let sum = i128::from(value);
        Self { count: 1, sum, min: value, max: value, last: value, last_ms: timestamp_ms }
    }

    /// Takes in the values of another.
    pub(crate) fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        self.count = self.count.saturating_add(other.count);
        self.sum = self.sum.saturating_add(other.sum);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        if other.last_ms >= self.last_ms {
            (self.last, self.last_ms) = (other.last, other.last_ms);
        }
    }

    /// The same values in finer units: a series may have got more decimals over time.
    pub(crate) fn scaled(&self, factor: i64) -> Self {
        if factor == 1 {
            return *self;
        }
        Self {
            sum: self.sum.saturating_mul(i128::from(factor)),
            min: self.min.saturating_mul(factor),
            max: self.max.saturating_mul(factor),
            last: self.last.saturating_mul(factor),
            ..*self
        }
    }

    /// The mean, rounded to the nearest integer, halves away from zero; nothing without values.
    pub(crate) fn mean(&self) -> Option<i64> {
        let count = i128::from(self.count);
        let half = if self.sum < 0 { -(count / 2) } else { count / 2 };
        i64::try_from(self.sum.checked_add(half)?.checked_div(count)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_is_the_exact_sum_over_the_count() {
        let mean = |values: &[i64]| {
            let mut stat = Stat::default();
            values.iter().for_each(|&value| stat.merge(&Stat::of(value, 0)));
            stat.mean()
        };
        assert_eq!(mean(&[]), None);
        assert_eq!(mean(&[1, 2]), Some(2));
        assert_eq!(mean(&[-1, -2]), Some(-2));
        assert_eq!(mean(&[1, 1, 2]), Some(1));
        assert_eq!(mean(&[i64::MAX; 3]), Some(i64::MAX));
    }
}
