//! Frames out of Parquet, some rows of all columns at a time.

use std::{fs::File, sync::Arc};

use parquet::{
    basic::{LogicalType, TimeUnit, Type as Physical},
    column::reader::ColumnReader,
    data_type::ByteArray,
    errors::ParquetError,
    file::reader::{FileReader, SerializedFileReader},
    schema::types::ColumnDescriptor,
};

use super::{
    ExchangeError,
    csv::{HOST, TIMESTAMP},
    number,
    reader::{FrameReader, Names, check_path},
    sign::Sign,
};
use crate::{ImportFrame, ImportValue};

/// So many rows are unpacked at once.
const ROWS: usize = 1024;

/// What a column holds.
enum Role {
    /// Times, and how many of their unit are a millisecond.
    Time(i64),
    Host,
    Series {
        path: Arc<str>,
        decimals: u8,
        sign: Sign,
    },
}

/// One column of the rows at hand.
enum Values {
    Integers(Vec<Option<i64>>),
    Floats(Vec<Option<f64>>),
    Texts(Vec<Option<ByteArray>>),
}

/// Reads row groups.
pub(super) struct ParquetReader {
    file: SerializedFileReader<File>,
    roles: Vec<Role>,
    group: usize,
    /// The columns of the row group being read, and how many of its rows are left.
    columns: Vec<ColumnReader>,
    left: usize,
    done: u64,
    hosts: Names,
    /// Frames that are read, the next one last.
    frames: Vec<ImportFrame>,
}

impl ParquetReader {
    pub(super) fn new(file: File) -> Result<(Self, u64), ExchangeError> {
        let file = SerializedFileReader::new(file).map_err(|error| {
            let reason = format!("{error}; it is no Parquet file, or cut off");
            ExchangeError::input("the file's end", reason)
        })?;
        let schema = file.metadata().file_metadata().schema_descr();
        let roles: Result<Vec<Role>, _> = schema.columns().iter().map(|it| role(it)).collect();
        let roles = roles?;
        for (name, there) in [
            (TIMESTAMP, roles.iter().any(|role| matches!(role, Role::Time(_)))),
            (HOST, roles.iter().any(|role| matches!(role, Role::Host))),
        ] {
            if !there {
                let reason = format!("there is no column `{name}`");
                return Err(ExchangeError::input("the schema", reason));
            }
        }
        let rows = file.metadata().file_metadata().num_rows().max(0).unsigned_abs();
        let (columns, frames, hosts) = (Vec::new(), Vec::new(), Names::default());
        Ok((Self { file, roles, group: 0, columns, left: 0, done: 0, hosts, frames }, rows))
    }

    fn damaged(&self, column: &str, reason: impl ToString) -> ExchangeError {
        let at = format!("row {}, column `{column}`", self.done + 1);
        ExchangeError::input(at, reason.to_string())
    }

    /// Opens the next row group; whether there is one.
    fn open_group(&mut self) -> Result<bool, ExchangeError> {
        if self.group >= self.file.num_row_groups() {
            return Ok(false);
        }
        let group = self.file.get_row_group(self.group);
        let group = group.map_err(|error| self.damaged("", error))?;
        let columns: Result<Vec<_>, _> =
            (0..self.roles.len()).map(|at| group.get_column_reader(at)).collect();
        let columns = columns.map_err(|error| self.damaged("", error))?;
        self.left = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
        self.columns = columns;
        self.group += 1;
        Ok(true)
    }

    /// Unpacks the next rows of all columns.
    fn read_rows(&mut self) -> Result<(), ExchangeError> {
        let rows = self.left.min(ROWS);
        let mut read = Vec::with_capacity(self.columns.len());
        for at in 0..self.columns.len() {
            let values = self.columns.get_mut(at).map(|column| read_column(column, rows));
            match values {
                Some(Ok(values)) => read.push(values),
                Some(Err(reason)) => {
                    let schema = self.file.metadata().file_metadata().schema_descr();
                    return Err(self.damaged(schema.column(at).name(), reason));
                }
                None => {}
            }
        }
        for row in 0..rows {
            let frame = self.frame(row, &read)?;
            self.frames.push(frame);
            self.done += 1;
        }
        self.frames.reverse();
        self.left -= rows;
        Ok(())
    }

    fn frame(&mut self, row: usize, read: &[Values]) -> Result<ImportFrame, ExchangeError> {
        let (mut time, mut host, mut values) = (None, None, Vec::new());
        for (role, column) in self.roles.iter().zip(read) {
            match (role, column) {
                (Role::Time(unit), Values::Integers(times)) => {
                    time = times.get(row).copied().flatten().map(|time| time.div_euclid(*unit));
                }
                (Role::Host, Values::Texts(names)) => {
                    let name = names.get(row).and_then(|name| name.as_ref()?.as_utf8().ok());
                    host = name.filter(|name| !name.is_empty()).map(|name| self.hosts.get(name));
                }
                (Role::Series { path, decimals, sign }, Values::Integers(numbers)) => {
                    let Some(bits) = numbers.get(row).copied().flatten() else { continue };
                    let value = sign.read(bits).map_err(|reason| self.damaged(path, reason))?;
                    values.push(ImportValue { path: Arc::clone(path), decimals: *decimals, value });
                }
                (Role::Series { path, .. }, Values::Floats(numbers)) => {
                    // A float that is not finite is how other programs write what is missing.
                    let Some(value) = numbers.get(row).copied().flatten() else { continue };
                    if value.is_finite() {
                        let (value, decimals) = number::read(&value.to_string())
                            .map_err(|reason| self.damaged(path, reason))?;
                        values.push(ImportValue { path: Arc::clone(path), decimals, value });
                    }
                }
                _ => {}
            }
        }
        let time = time.ok_or_else(|| self.damaged(TIMESTAMP, "it is null"))?;
        let host = host.ok_or_else(|| self.damaged(HOST, "it is null, empty or no text"))?;
        Ok(ImportFrame { host, timestamp_ms: time, values })
    }
}

impl FrameReader for ParquetReader {
    fn next(&mut self) -> Result<Option<ImportFrame>, ExchangeError> {
        while self.frames.is_empty() {
            if self.left > 0 {
                self.read_rows()?;
            } else if !self.open_group()? {
                return Ok(None);
            }
        }
        Ok(self.frames.pop())
    }

    fn done(&self) -> u64 {
        self.done
    }
}

fn role(column: &ColumnDescriptor) -> Result<Role, ExchangeError> {
    let name = column.name();
    let wrong = |reason: String| ExchangeError::input(format!("column `{name}`"), reason);
    let (physical, logical) = (column.physical_type(), column.logical_type_ref());
    if column.path().parts().len() > 1 || column.max_rep_level() > 0 {
        return Err(wrong("it is nested; each column is a series of numbers".to_owned()));
    }
    match (name, physical, logical) {
        (TIMESTAMP, Physical::INT64, Some(LogicalType::Timestamp { unit, .. })) => {
            Ok(Role::Time(match unit {
                TimeUnit::MILLIS => 1,
                TimeUnit::MICROS => 1000,
                TimeUnit::NANOS => 1_000_000,
            }))
        }
        (TIMESTAMP, ..) => Err(wrong("it must be a TIMESTAMP in 64 bits".to_owned())),
        (HOST, Physical::BYTE_ARRAY, _) => Ok(Role::Host),
        (HOST, ..) => Err(wrong("it must be a string".to_owned())),
        (path, Physical::INT64 | Physical::INT32 | Physical::DOUBLE, _) => {
            check_path(path).map_err(wrong)?;
            let scale = match logical {
                Some(LogicalType::Decimal { scale, .. }) => *scale,
                _ => column.type_scale().max(0),
            };
            let decimals = u8::try_from(scale).ok().filter(|&it| it <= number::MOST_DECIMALS);
            let decimals = decimals.ok_or_else(|| {
                wrong(format!("it has {scale} decimals; {} are the most", number::MOST_DECIMALS))
            })?;
            let sign = Sign::of(column).map_err(wrong)?;
            Ok(Role::Series { path: Arc::from(path), decimals, sign })
        }
        _ => Err(wrong("it must be INT32, INT64, DOUBLE, or a DECIMAL in these".to_owned())),
    }
}

/// The next rows of a column.
fn read_column(column: &mut ColumnReader, rows: usize) -> Result<Values, String> {
    macro_rules! read {
        ($reader:expr) => {{
            let (mut levels, mut values) = (Vec::new(), Vec::new());
            let read = $reader.read_records(rows, Some(&mut levels), None, &mut values);
            let (records, ..) = read.map_err(|error: ParquetError| error.to_string())?;
            if records < rows {
                return Err("there are fewer values than rows".to_owned());
            }
            spread(&levels, values, rows)
        }};
    }
    Ok(match column {
        ColumnReader::Int64ColumnReader(reader) => Values::Integers(read!(reader)),
        ColumnReader::Int32ColumnReader(reader) => {
            let values = read!(reader);
            Values::Integers(values.into_iter().map(|it| it.map(i64::from)).collect())
        }
        ColumnReader::DoubleColumnReader(reader) => Values::Floats(read!(reader)),
        ColumnReader::ByteArrayColumnReader(reader) => Values::Texts(read!(reader)),
        _ => return Err("its type is none of ours".to_owned()),
    })
}

/// One value per row; a column that must have values has no levels.
fn spread<T>(levels: &[i16], values: Vec<T>, rows: usize) -> Vec<Option<T>> {
    if levels.is_empty() {
        return values.into_iter().map(Some).collect();
    }
    let mut values = values.into_iter();
    let value = |level: &i16| if *level > 0 { values.next() } else { None };
    levels.iter().take(rows).map(value).collect()
}
