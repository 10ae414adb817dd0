//! Takes the frames of a file into a store.

use std::{
    fs::File,
    io::{BufReader, Read},
};

use perfwatch_core::Table;

use super::{
    ExchangeError, Format, deliver::Deliverer, kept::Oldest, read_csv::CsvReader,
    read_json_lines::JsonLinesReader, read_parquet::ParquetReader, reader::FrameReader,
};
use crate::{Progress, Store};

/// A batch has at most so many values for each frame that it may have.
const VALUES: usize = 500;

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
    /// Those of them that the store did not have yet, where it tells.
    pub new: Option<u64>,
}

/// Takes the frames of a file into a store; `tell` hears how much of it is read. What stands before
/// an error is kept, and reading the file again counts nothing twice. `tables` are as for
/// [`Store::import`].
///
/// # Errors
/// [`ExchangeError::Input`] naming the place, [`ExchangeError::Frame`] naming a frame that the store
/// does not take, [`ExchangeError::NotKept`] if it took some and does not keep them, or what the file
/// or the store ran into.
pub async fn import_file(
    store: &dyn Store,
    tables: &[&'static Table],
    input: Input,
    format: Format,
    tell: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Imported, ExchangeError> {
    let (mut reader, total) = reader(input, format)?;
    let (mut deliverer, mut oldest) = (Deliverer::new(store, tables), Oldest::default());
    let most = store.import_size();
    let (mut imported, mut batch, mut values) =
        (Imported { frames: 0, new: Some(0) }, Vec::new(), 0);
    let ended = loop {
        let next = reader.next();
        let ends = !matches!(next, Ok(Some(_)));
        if !batch.is_empty() && (ends || batch.len() >= most || values >= most * VALUES) {
            let new = deliverer.deliver(&batch).await?;
            imported.new = imported.new.zip(new).map(|(known, new)| known + new);
            imported.frames += batch.len() as u64;
            (values, batch) = (0, Vec::new());
            tell(Progress { done: reader.done(), total });
        }
        match next {
            Ok(Some(frame)) => {
                oldest.note(&frame);
                values += frame.values.len();
                batch.push(frame);
            }
            ended => break ended.map(|_| imported),
        }
    };
    store.finish_import().await?;
    let imported = ended?;
    oldest.is_kept(store).await?;
    Ok(imported)
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
