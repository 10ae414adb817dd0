//! Passwords and their hashes.
//!
//! New hashes are argon2id; bcrypt hashes of an older installation are accepted. Hashing takes
//! tens of milliseconds and 19 MiB, so it runs on blocking threads, few at once.

use argon2::{
    Argon2,
    password_hash::{PasswordVerifier, phc::PasswordHash},
};
use perfwatch_store::{hash_password, random_password};

use crate::{
    error::{AppError, AppResult},
    gate::Gate,
    secret::Secret,
};

/// How many passwords are hashed at once, and how many more may wait.
const AT_ONCE: usize = 2;
const WAITING: usize = 32;

/// How a password compares to a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is another password.
    Wrong,
    /// It is the password.
    Right,
    /// It is the password, and its hash is of an older kind: make a new one.
    RightButOld,
}

/// Hashes and compares passwords.
pub(crate) struct Passwords {
    gate: Gate,
    /// The hash of no password: comparing with it takes as long as with a real one.
    dummy: String,
}

impl Passwords {
    /// # Errors
    /// If the system gives no random numbers.
    pub(crate) fn new() -> Result<Self, argon2::password_hash::Error> {
        Ok(Self {
            gate: Gate::new(AT_ONCE, WAITING, "too many logins at once"),
            dummy: hash_password(&random_password())?,
        })
    }

    /// The argon2id hash of a password.
    pub(crate) async fn hash(&self, password: Secret) -> AppResult<String> {
        self.run(move || hash_password(password.expose()))
            .await?
            .map_err(|error| AppError::broken(&error))
    }

    /// Compares a password with an account's hash; without an account it takes the same time.
    pub(crate) async fn verify(&self, password: Secret, hash: Option<&str>) -> AppResult<Verdict> {
        let known = hash.is_some();
        let hash = hash.unwrap_or(&self.dummy).to_owned();
        let verdict = self.run(move || verify(password.expose(), &hash)).await?;
        Ok(if known { verdict } else { Verdict::Wrong })
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> AppResult<T> {
        let _pass = self.gate.enter().await?;
        tokio::task::spawn_blocking(work).await.map_err(|error| AppError::broken(&error))
    }
}

fn verify(password: &str, hash: &str) -> Verdict {
    if hash.starts_with("$2") {
        let right = bcrypt::verify(password, hash).unwrap_or(false);
        return if right { Verdict::RightButOld } else { Verdict::Wrong };
    }
    let right = PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
    if right { Verdict::Right } else { Verdict::Wrong }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_matches_its_own_hash_only() {
        let hash = hash_password("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        assert_eq!(verify("correct horse", &hash), Verdict::Right);
        assert_eq!(verify("correct horsf", &hash), Verdict::Wrong);
        assert_eq!(verify("correct horse", "no hash"), Verdict::Wrong);
    }

    #[test]
    fn a_bcrypt_hash_is_accepted_and_known_to_be_old() {
        let hash = bcrypt::hash("correct horse", 4).unwrap();
        assert_eq!(verify("correct horse", &hash), Verdict::RightButOld);
        assert_eq!(verify("wrong", &hash), Verdict::Wrong);
    }
}
