//! A viewed value: an integer and the number of its decimals.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::Unit;

/// The integer that stands for "no value" in blocks and views. It is shown as `null`.
pub const MISSING: i64 = i64::MIN;

/// A fixed-point number: `value / 10^decimals`, or nothing where the value is [`MISSING`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// The digits, as one integer.
    pub value: i64,
    /// How many of the digits stand behind the point.
    pub decimals: u8,
}

impl Decimal {
    /// The number nearest to `value` (in `unit`) that the unit's decimals can hold;
    /// [`MISSING`] for what is not finite or does not fit.
    pub fn round(value: f64, unit: Unit) -> i64 {
        Self::nearest(value * unit.scale() as f64)
    }

    /// The nearest integer. `f64::round` is a call into the maths library on x86-64, and this
    /// stands in the hot path.
    #[inline]
    pub(crate) fn nearest(scaled: f64) -> i64 {
        // The bound is 2^63, below which every float can be cut to an integer; not so NaN.
        if scaled.abs() < 9_223_372_036_854_775_808.0 {
            let whole = scaled as i64;
            let rest = scaled - whole as f64;
            whole + i64::from(rest >= 0.5) - i64::from(rest <= -0.5)
        } else {
            MISSING
        }
    }

    /// The value as a float, or nothing.
    pub fn get(self) -> Option<f64> {
        // Dividing by a power of ten gives the float nearest to the decimal, which prints as it.
        (self.value != MISSING).then(|| self.value as f64 / 10_f64.powi(i32::from(self.decimals)))
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.get() {
            None => serializer.serialize_none(),
            Some(_) if self.decimals == 0 => serializer.serialize_i64(self.value),
            Some(value) => serializer.serialize_f64(value),
        }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.get() {
            None => f.write_str("-"),
            Some(_) if self.decimals == 0 => write!(f, "{}", self.value),
            Some(value) => write!(f, "{value:.*}", usize::from(self.decimals)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_exactly_its_decimal_in_json() {
        let json = |value, decimals| serde_json::to_string(&Decimal { value, decimals }).unwrap();
        assert_eq!(json(1234, 2), "12.34");
        assert_eq!(json(30, 2), "0.3");
        assert_eq!(json(-5, 1), "-0.5");
        assert_eq!(json(7, 0), "7");
        assert_eq!(json(MISSING, 2), "null");
    }

    #[test]
    fn what_cannot_be_held_is_missing() {
        assert_eq!(Decimal::round(f64::NAN, Unit::Percent), MISSING);
        assert_eq!(Decimal::round(f64::INFINITY, Unit::Percent), MISSING);
        assert_eq!(Decimal::round(1e300, Unit::Bytes), MISSING);
        assert_eq!(Decimal::round(12.345, Unit::Percent), 1235);
    }

    #[test]
    fn rounding_goes_to_the_nearest_and_away_from_zero_between_two() {
        let numbers = [0.0, 0.5, 1.5, 2.4, 0.499_999_999_999_999_94, 4_503_599_627_370_497.0, 1e18];
        for number in numbers.into_iter().flat_map(|number: f64| [number, -number]) {
            assert_eq!(Decimal::round(number, Unit::Bytes), number.round() as i64, "{number}");
        }
    }
}
