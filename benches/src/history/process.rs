//! What the kernel says about this process.

use std::fs;

use anyhow::{Context, Result};

/// Bytes that this process has given to file systems to write to a disk: whole pages, each once
/// for every time that it is written back. What the file system adds (its journal) is not in it.
///
/// # Errors
/// If the kernel does not count it.
pub fn written_bytes() -> Result<u64> {
    number("/proc/self/io", "write_bytes:")
}

/// Resident memory in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Now.
    pub now: u64,
    /// The most since [`Memory::forget_peak`], or since the start.
    pub peak: u64,
}

impl Memory {
    /// Reads it.
    ///
    /// # Errors
    /// If the kernel does not count it.
    pub fn read() -> Result<Self> {
        let kibibytes = |name| Ok::<_, anyhow::Error>(1024 * number("/proc/self/status", name)?);
        Ok(Self { now: kibibytes("VmRSS:")?, peak: kibibytes("VmHWM:")? })
    }

    /// Makes the kernel count the peak from now on.
    ///
    /// # Errors
    /// If it may not be told to.
    pub fn forget_peak() -> Result<()> {
        fs::write("/proc/self/clear_refs", "5").context("/proc/self/clear_refs cannot be written")
    }
}

fn number(path: &str, name: &str) -> Result<u64> {
    let text = fs::read_to_string(path).with_context(|| format!("{path} cannot be read"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let word = line.and_then(|rest| rest.split_whitespace().next());
    word.with_context(|| format!("{path} has no `{name}`"))?
        .parse()
        .with_context(|| format!("`{name}` of {path} is no number"))
}
