//! An output that has its name only when it is complete.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, IsTerminal, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::failure::Failure;

/// Standard output, or a file that is being written under another name.
pub(super) struct Output {
    /// The file, and what it is called meanwhile.
    file: Option<(PathBuf, PathBuf)>,
}

impl Output {
    /// Makes the file; `-` is standard output.
    pub(super) fn create(
        path: &Path,
        force: bool,
        is_binary: bool,
    ) -> Result<(Self, Box<dyn Write + Send>)> {
        if path == Path::new("-") {
            if is_binary && io::stdout().is_terminal() {
                let reason = "a Parquet file is nothing for a terminal: give --output FILE";
                return Err(Failure::Usage(reason.to_owned()).into());
            }
            return Ok((Self { file: None }, Box::new(BufWriter::new(io::stdout()))));
        }
        if !force && path.exists() {
            let reason = format!("{} is there already: give --force to replace it", path.display());
            return Err(Failure::Usage(reason).into());
        }
        let unfinished = unfinished(path);
        let file = OpenOptions::new().write(true).create_new(true).open(&unfinished);
        let file = file.with_context(|| format!("cannot write {}", unfinished.display()))?;
        let output = Self { file: Some((path.to_owned(), unfinished)) };
        Ok((output, Box::new(BufWriter::with_capacity(1 << 16, file))))
    }

    /// Gives the complete file its name.
    pub(super) fn keep(mut self) -> Result<()> {
        let Some((path, unfinished)) = self.file.take() else { return Ok(()) };
        let named = File::open(&unfinished)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&unfinished, &path));
        if named.is_err() {
            self.file = Some((path.clone(), unfinished));
        }
        named.with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some((_, unfinished)) = &self.file {
            // If it cannot be removed, its name says what it is.
            let _ = fs::remove_file(unfinished);
        }
    }
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".unfinished-{}", std::process::id()));
    name.into()
}
