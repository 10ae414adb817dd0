//! How the C library's allocator treats large pieces of memory.
//!
//! Of `unsafe` code this holds one call, because no library offers it as a safe function.

/// Gives pieces of a megabyte and more back to the system as soon as they are freed. By default
/// glibc raises that bound to the largest piece it has seen, and keeps the 19 MiB of a password
/// hash for good.
pub(crate) fn return_large_pieces() {
    #[cfg(target_env = "gnu")]
    {
        const BOUND: nix::libc::c_int = 1 << 20;
        // SAFETY: `mallopt` takes two integers; it is called before there is a second thread.
        // Where it fails, memory stays as it was.
        unsafe { nix::libc::mallopt(nix::libc::M_MMAP_THRESHOLD, BOUND) };
    }
}
