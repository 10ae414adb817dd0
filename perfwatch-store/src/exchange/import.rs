//! Takes the frames of a file into a store.

use std::{
    fs::File,
    io::{BufReader, Read},
};

use super::{
    ExchangeError, Format, read_csv::CsvReader, read_json_lines::JsonLinesReader,
    read_parquet::ParquetReader, reader::FrameReader,
};
use crate::{Progress, SqliteStore};

/// So many frames, or about so many values, are one transaction.
const FRAMES: usize = 1000;
const VALUES: usize = 500_000;

/// Where frames come from.
pub enum Input {
    /// A file.
    File(File),
    /// Anything else, which has no length and cannot be read twice.
    Stream(Box<dyn Read + Send>),
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if matches!(self, Self::File(_)) { "File" } else { "Stream" })
    }
}

/// What was imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Frames that were read.
    pub frames: u64,
    /// Those of them that the store did not have yet.
    pub new: u64,
}

/// Takes the frames of a file into a store; `tell` hears how much of it is read. What stands before
/// an error is kept, and reading the file again counts nothing twice.
///
/// # Errors
/// [`ExchangeError::Input`] naming the place, or what the file or the store ran into.
pub async fn import_file(
    store: &SqliteStore,
    input: Input,
    format: Format,
    tell: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Imported, ExchangeError> {
    let (mut reader, total) = reader(input, format)?;
    let (mut imported, mut batch, mut values) = (Imported::default(), Vec::new(), 0);
    loop {
        let next = reader.next();
        let ends = !matches!(next, Ok(Some(_)));
        if !batch.is_empty() && (ends || batch.len() >= FRAMES || values >= VALUES) {
            imported.new += store.import(&batch).await?;
            imported.frames += batch.len() as u64;
            (values, batch) = (0, Vec::new());
            tell(Progress { done: reader.done(), total });
        }
        match next {
            Ok(Some(frame)) => {
                values += frame.values.len();
                batch.push(frame);
            }
            ended => {
                store.seal_imported().await?;
                return ended.map(|_| imported);
            }
        }
    }
}

fn reader(input: Input, format: Format) -> Result<(Box<dyn FrameReader>, u64), ExchangeError> {
    let length = |file: &File| file.metadata().map(|it| it.len()).map_err(ExchangeError::Read);
    if format == Format::Parquet {
        let Input::File(file) = input else {
            let reason = "Parquet is read from its end, and so from a file only: save it first";
            return Err(ExchangeError::input("standard input", reason));
        };
        let (reader, total) = ParquetReader::new(file)?;
        return Ok((Box::new(reader), total));
    }
    let (stream, total): (Box<dyn Read + Send>, u64) = match input {
        Input::File(file) => {
            let total = length(&file)?;
            (Box::new(file), total)
        }
        Input::Stream(stream) => (stream, 0),
    };
    Ok(match format {
        Format::Csv => (Box::new(CsvReader::new(stream)?), total),
        _ => (Box::new(JsonLinesReader::new(BufReader::with_capacity(1 << 16, stream))), total),
    })
}
