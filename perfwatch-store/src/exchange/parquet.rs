//! Parquet: `timestamp`, `host`, then a column per series, which is an integer or, with decimals,
//! a `DECIMAL` of the same digits; missing is null. A row group is some days of one host.
//!
//! The footer names every column of every row group and is the one thing that grows with a file.

use std::{io::Write, sync::Arc};

use parquet::{
    basic::{Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as Physical},
    data_type::{ByteArray, ByteArrayType, DataType, Int64Type},
    file::{
        properties::{EnabledStatistics, WriterProperties},
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
    schema::types::{ColumnPath, Type},
};
use perfwatch_core::MISSING;

use super::{
    Column, ExchangeError,
    csv::{HOST, TIMESTAMP},
    table::{Table, TableWriter},
};

/// As much packed history in one row group as is read at once.
const MOST_BYTES: usize = 48 << 20;

/// Short pages, so that a reader of thousands of columns holds little of each.
const PAGE_ROWS: usize = 8192;

/// The most digits of a `DECIMAL` in 64 bits.
const DIGITS: i32 = 18;

/// Writes row groups.
pub(super) struct ParquetWriter {
    columns: usize,
    out: SerializedFileWriter<Box<dyn Write + Send>>,
}

impl ParquetWriter {
    pub(super) fn new(
        columns: Vec<Column>,
        out: Box<dyn Write + Send>,
    ) -> Result<Self, ExchangeError> {
        let properties = WriterProperties::builder()
            .set_created_by(format!("perfwatch {}", env!("CARGO_PKG_VERSION")))
            .set_compression(Compression::SNAPPY)
            .set_encoding(Encoding::DELTA_BINARY_PACKED)
            .set_column_encoding(ColumnPath::from(HOST), Encoding::PLAIN)
            .set_data_page_row_count_limit(PAGE_ROWS)
            .set_write_batch_size(PAGE_ROWS)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .build();
        let schema = schema(&columns).map_err(ExchangeError::parquet)?;
        let out = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties));
        Ok(Self { columns: columns.len(), out: out.map_err(ExchangeError::parquet)? })
    }
}

fn schema(columns: &[Column]) -> parquet::errors::Result<Type> {
    let time = LogicalType::Timestamp { is_adjusted_to_u_t_c: true, unit: TimeUnit::MILLIS };
    let mut fields = vec![
        Type::primitive_type_builder(TIMESTAMP, Physical::INT64)
            .with_repetition(Repetition::REQUIRED)
            .with_logical_type(Some(time))
            .build()?,
        Type::primitive_type_builder(HOST, Physical::BYTE_ARRAY)
            .with_repetition(Repetition::REQUIRED)
            .with_logical_type(Some(LogicalType::String))
            .build()?,
    ];
    for column in columns {
        let decimal = (column.decimals > 0)
            .then(|| LogicalType::Decimal { scale: column.decimals.into(), precision: DIGITS });
        let field = Type::primitive_type_builder(&column.name, Physical::INT64)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(decimal)
            .with_precision(if column.decimals > 0 { DIGITS } else { -1 })
            .with_scale(if column.decimals > 0 { column.decimals.into() } else { -1 });
        fields.push(field.build()?);
    }
    let fields = fields.into_iter().map(Arc::new).collect();
    Type::group_type_builder("perfwatch").with_fields(fields).build()
}

impl TableWriter for ParquetWriter {
    fn most_bytes(&self) -> Option<usize> {
        Some(MOST_BYTES)
    }

    fn write(&mut self, table: &mut Table<'_>) -> Result<(), ExchangeError> {
        let group = self.out.next_row_group().map_err(ExchangeError::parquet)?;
        write_group(group, self.columns, table).map_err(ExchangeError::parquet)
    }

    fn finish(self: Box<Self>) -> Result<(), ExchangeError> {
        let mut out = self.out.into_inner().map_err(ExchangeError::parquet)?;
        out.flush().map_err(ExchangeError::Write)
    }
}

fn write_group(
    mut group: SerializedRowGroupWriter<'_, Box<dyn Write + Send>>,
    columns: usize,
    table: &mut Table<'_>,
) -> parquet::errors::Result<()> {
    write_column::<Int64Type>(&mut group, table.times, None)?;
    let host = vec![ByteArray::from(table.host.as_bytes().to_vec()); table.times.len()];
    write_column::<ByteArrayType>(&mut group, &host, None)?;
    for at in 0..columns {
        let values = (table.column)(at).unwrap_or_else(|| vec![MISSING; table.times.len()]);
        let levels: Vec<i16> = values.iter().map(|&it| i16::from(it != MISSING)).collect();
        let present: Vec<i64> = values.into_iter().filter(|&value| value != MISSING).collect();
        write_column::<Int64Type>(&mut group, &present, Some(&levels))?;
    }
    group.close().map(drop)
}

fn write_column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Box<dyn Write + Send>>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> parquet::errors::Result<()> {
    let Some(mut column) = group.next_column()? else { return Ok(()) };
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()
}
