//! What the integers of a Parquet column mean: its physical type has a sign, and the column may not.

use parquet::{
    basic::{ConvertedType, LogicalType},
    schema::types::ColumnDescriptor,
};

/// What the bits of an integer say.
#[derive(Clone, Copy)]
pub(super) enum Sign {
    Signed,
    /// They are 32, and none of them is a sign.
    Unsigned32,
    Unsigned64,
}

impl Sign {
    /// What a column of integers holds.
    ///
    /// # Errors
    /// Why it is no series.
    pub(super) fn of(column: &ColumnDescriptor) -> Result<Self, String> {
        use ConvertedType as Old;
        // Older programs write the one, newer ones both.
        match (column.logical_type_ref(), column.converted_type()) {
            (Some(LogicalType::Integer { is_signed: false, bit_width: 64 }), _)
            | (None, Old::UINT_64) => Ok(Self::Unsigned64),
            (Some(LogicalType::Integer { is_signed: false, .. }), _)
            | (None, Old::UINT_8 | Old::UINT_16 | Old::UINT_32) => Ok(Self::Unsigned32),
            (
                Some(LogicalType::Date | LogicalType::Time { .. } | LogicalType::Timestamp { .. }),
                _,
            )
            | (
                None,
                Old::DATE
                | Old::TIME_MILLIS
                | Old::TIME_MICROS
                | Old::TIMESTAMP_MILLIS
                | Old::TIMESTAMP_MICROS,
            ) => Err("it holds dates or times; leave it out, or make numbers of it".to_owned()),
            _ => Ok(Self::Signed),
        }
    }

    /// The number that is meant by these bits; those of 32 are read as a signed number.
    ///
    /// # Errors
    /// That it cannot be kept.
    pub(super) fn read(self, bits: i64) -> Result<i64, String> {
        match self {
            Self::Signed => Ok(bits),
            Self::Unsigned32 => Ok(bits & i64::from(u32::MAX)),
            Self::Unsigned64 if bits >= 0 => Ok(bits),
            Self::Unsigned64 => Err(format!("`{}` is too large to be kept", bits.cast_unsigned())),
        }
    }
}
