//! What keeps the daemon from starting.

use perfwatch_store::StoreError;

/// Why the daemon does not start. Each is one line that names the thing and the cure.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The secret that signs tokens, or the id of this host, cannot be used.
    #[error("{0}")]
    Secret(String),
    /// The password of the first user cannot be hashed.
    #[error("cannot hash passwords: {0}")]
    Password(argon2::password_hash::Error),
    /// There is no thread for the sampler.
    #[error("cannot start the sampler: {0}")]
    Sampler(std::io::Error),
}
