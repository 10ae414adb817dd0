//! All `unsafe` of the project: taking over a file descriptor from a crate that only gives the
//! number away.

use std::{
    fs::File,
    os::fd::{FromRawFd, IntoRawFd},
};

/// The counter's descriptor as a file, so that it can be read into a buffer of ours.
pub(crate) fn into_file(counter: perf_event::Counter) -> File {
    let descriptor = counter.into_raw_fd();
    // SAFETY: `into_raw_fd` gives up ownership of an open descriptor, which nobody else closes.
    unsafe { File::from_raw_fd(descriptor) }
}
