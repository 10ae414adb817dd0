//! A kernel file that is opened once and read again at every tick.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use crate::{CollectError, clock, parse::ParseError};

const PAGE: usize = 4096;

/// A file of `/proc` hands out whole records until its page is full (Documentation/filesystems/
/// seq_file.rst), so where records are below half a page an answer shorter than this is the last.
/// It saves the second `pread`, which would only return 0.
const LAST_ANSWER_BELOW: usize = PAGE / 2;

/// No file read at every tick is larger; what is must not fill the memory.
const LARGEST: usize = 16 << 20;

/// One file of `/proc` or `/sys`: kept open, read with `pread` from 0 into its own buffer.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    file: Option<File>,
    buffer: Vec<u8>,
    read_at_ns: u64,
    last_answer_below: usize,
}

impl Source {
    /// A source that is opened at the first read.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            file: None,
            buffer: Vec::new(),
            read_at_ns: 0,
            last_answer_below: LAST_ANSWER_BELOW,
        }
    }

    /// The same for a file whose records may be longer than half a page: it is read until
    /// nothing more comes.
    pub fn with_long_records(path: impl Into<PathBuf>) -> Self {
        Self { last_answer_below: 1, ..Self::new(path) }
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The monotonic time of the last read, in nanoseconds.
    pub fn read_at(&self) -> u64 {
        self.read_at_ns
    }

    /// The whole content as of now.
    ///
    /// # Errors
    /// [`CollectError::Unsupported`] if the file does not exist or may not be read,
    /// [`CollectError::Io`] if reading failed.
    pub fn read(&mut self) -> Result<&[u8], CollectError> {
        self.read_at_ns = clock::monotonic_ns();
        match self.fill() {
            Ok(filled) => Ok(self.buffer.get(..filled).unwrap_or_default()),
            Err(error) => {
                // A device that came back has a new file behind the same name.
                self.file = None;
                Err(classify(&self.path, error))
            }
        }
    }

    /// Reads the content and hands it to a parser.
    ///
    /// # Errors
    /// As [`Self::read`], and [`CollectError::Parse`] with the parser's complaint.
    pub fn parse<T>(
        &mut self,
        parser: impl FnOnce(&[u8]) -> Result<T, ParseError>,
    ) -> Result<T, CollectError> {
        let parsed = parser(self.read()?);
        parsed.map_err(|error| CollectError::parse(&self.path, error))
    }

    fn fill(&mut self) -> io::Result<usize> {
        let file = match self.file.take() {
            Some(file) => file,
            None => File::open(&self.path)?,
        };
        let mut filled = 0;
        loop {
            if self.buffer.len() < filled + PAGE {
                self.buffer.resize((2 * self.buffer.len()).max(2 * PAGE), 0);
            }
            let free = self.buffer.get_mut(filled..).unwrap_or_default();
            let read = match file.read_at(free, filled as u64) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            filled += read;
            if read < self.last_answer_below {
                break;
            }
            if filled > LARGEST {
                return Err(io::Error::other("the file is larger than 16 MiB"));
            }
        }
        self.file = Some(file);
        Ok(filled)
    }
}

fn classify(path: &Path, source: io::Error) -> CollectError {
    let path_shown = path.display();
    // What a kernel has compiled in and switched off answers so, such as pressure with psi=0.
    if source.raw_os_error() == Some(nix::libc::EOPNOTSUPP) {
        let reason = format!("this kernel has {path_shown}, switched off");
        return CollectError::Unsupported { reason, cure: None };
    }
    match source.kind() {
        io::ErrorKind::NotFound => {
            CollectError::unsupported(format!("this kernel or host has no {path_shown}"), None)
        }
        io::ErrorKind::PermissionDenied => CollectError::unsupported(
            format!("no permission to read {path_shown}"),
            Some("run as root or give the service read access to it"),
        ),
        _ => CollectError::Io { path: path.to_owned(), source },
    }
}
